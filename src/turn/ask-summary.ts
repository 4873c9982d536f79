import type { Usage } from '../../protocol/frames/common.ts';
import type { Clock } from '../lib/clock.ts';
import type { RouteDecision } from '../routing/contract.ts';
import type { RoutedSink } from '../routing/routed-answer.ts';
import { messageText } from '../upstream/message-text.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { UpstreamError } from '../upstream/contract.ts';
import type { ModelTokens, TurnEnvironment } from './contract.ts';
import { TurnUsage } from './turn-usage.ts';

export interface SummaryRequest {
  /** Client request id of the call. */
  id: string;
  tenant: string;
  decision: RouteDecision;
  dispatcher: TurnEnvironment['dispatcher'];
  tokens: ModelTokens;
  messages: readonly UpstreamMessage[];
  maxTokens: number;
  timeoutMs: number;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Lets a model write a summary of at most `maxTokens` tokens; what it writes beyond is cut off. Rejects with
 * `UpstreamError` when it fails, writes nothing or takes too long, and with the signal's reason when that aborts.
 */
export async function askSummary(request: SummaryRequest): Promise<{ text: string; usage: Usage }> {
  const { decision, dispatcher, tokens, maxTokens, clock } = request;
  let text = '';
  const usage = new TurnUsage();
  /** Calls for which the provider reported nothing. */
  let uncounted = 0;
  const controller = new AbortController();
  const counter = tokens.createCounter();
  const whole = await new Promise<string>((resolve, reject) => {
    const done = (): void => {
      timer.cancel();
      request.signal.removeEventListener('abort', stop);
    };
    const fail = (error: unknown): void => {
      done();
      reject(error);
      controller.abort('summary');
    };
    const stop = (): void => fail(new Error(String(request.signal.reason)));
    const timer = clock.setTimer(
      () => fail(new UpstreamError('upstream_timeout', `No summary came within ${request.timeoutMs} ms.`)),
      request.timeoutMs,
    );
    if (request.signal.aborted) return stop();
    request.signal.addEventListener('abort', stop);
    const sink: RoutedSink = {
      onQueued: () => {},
      onTarget: () => {},
      onRestart() {
        text = '';
      },
      onAttempt(report) {
        if (report.usage !== undefined) usage.add(report.usage, { input: 0, output: 0, reasoning: 0 });
        else if (report.isOpened || report.isHandedOn) uncounted++;
      },
      onText(piece) {
        if (controller.signal.aborted) return;
        text += piece;
        counter.append(piece);
        if (counter.total <= maxTokens) return;
        done();
        resolve(text);
        controller.abort('summary');
      },
      onReasoning: () => {},
      onToolCallDelta: () => {},
      onToolCall: () => {},
      onSource: () => {},
      onNative: () => {},
      onEnd(finish) {
        if (finish === 'content_filter')
          return fail(new UpstreamError('content_refused', 'The provider refused to sum up.'));
        if (text.trim() === '') return fail(new UpstreamError('upstream_error', 'The summary was empty.'));
        done();
        resolve(text);
      },
      onError: fail,
      onClose: () => {},
    };
    const { id: turn, messages } = request;
    dispatcher.answer(
      {
        decision,
        tenant: request.tenant,
        session: request.id,
        tokens: maxTokens,
        isFollowUp: false,
        hasTools: false,
        format: undefined,
        build: ({ model }) => ({ turn, model, messages, params: { maxOutputTokens: maxTokens } }),
      },
      sink,
      controller.signal,
    );
  });
  if (uncounted > 0) {
    const input = await tokens.countSliced(request.messages.map(messageText).join('\n'));
    for (let i = 0; i < uncounted; i++)
      usage.add(undefined, { input, output: i === 0 ? counter.total : 0, reasoning: 0 });
  }
  return { text: cutTo(whole.trim().toWellFormed(), maxTokens, tokens), usage: usage.total(tokens.exact) };
}

function cutTo(text: string, maxTokens: number, tokens: ModelTokens): string {
  let cut = text;
  for (let count = tokens.count(cut); count > maxTokens; count = tokens.count(cut))
    cut = cut.slice(0, Math.max(0, Math.min(cut.length - 1, Math.floor((cut.length * maxTokens) / count))));
  return cut.toWellFormed();
}
