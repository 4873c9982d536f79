import type { Usage } from '../../protocol/frames/common.ts';
import type { Clock } from '../lib/clock.ts';
import type { RouteDecision } from '../routing/contract.ts';
import { messageText } from '../upstream/message-text.ts';
import type { UpstreamMessage, UpstreamSink, UpstreamUsage } from '../upstream/contract.ts';
import { UpstreamError } from '../upstream/contract.ts';
import type { ModelTokens } from './contract.ts';
import { TurnUsage } from './turn-usage.ts';

export interface SummaryRequest {
  /** Client request id of the call. */
  id: string;
  decision: RouteDecision;
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
  const { decision, tokens, maxTokens, clock } = request;
  let text = '';
  let reported: UpstreamUsage | undefined;
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
    const sink: UpstreamSink = {
      onOpen: () => {},
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
      onUsage: (usage) => {
        reported = usage;
      },
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
    const { upstream, model } = decision;
    const { id: turn, messages } = request;
    upstream.stream({ turn, model, messages, params: { maxOutputTokens: maxTokens } }, sink, controller.signal);
  });
  const usage = new TurnUsage();
  const input = reported === undefined ? await tokens.countSliced(request.messages.map(messageText).join('\n')) : 0;
  usage.add(reported, { input, output: counter.total, reasoning: 0 });
  return { text: cutTo(whole.trim().toWellFormed(), maxTokens, tokens), usage: usage.total(tokens.exact) };
}

function cutTo(text: string, maxTokens: number, tokens: ModelTokens): string {
  let cut = text;
  for (let count = tokens.count(cut); count > maxTokens; count = tokens.count(cut))
    cut = cut.slice(0, Math.max(0, Math.min(cut.length - 1, Math.floor((cut.length * maxTokens) / count))));
  return cut.toWellFormed();
}
