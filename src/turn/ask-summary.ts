import type { Usage } from '../../protocol/frames/common.ts';
import type { Accounting } from '../limits/accounting.ts';
import type { Refusal } from '../limits/refusal.ts';
import type { RunningCall, TurnAccount } from '../limits/turn-account.ts';
import type { Clock } from '../lib/clock.ts';
import type { RouteDecision } from '../routing/contract.ts';
import type { RoutedSink } from '../routing/routed-answer.ts';
import { messageText } from '../upstream/message-text.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { UpstreamError } from '../upstream/contract.ts';
import type { ModelTokens, TurnEnvironment } from './contract.ts';
import { estimateOf, UnpaidCall } from './estimate.ts';
import { rowOf } from './ledger-row.ts';
import { TurnUsage } from './turn-usage.ts';

export interface SummaryRequest {
  /** Client request id of the call. */
  id: string;
  tenant: string;
  decision: RouteDecision;
  /** Pays for it. */
  account: TurnAccount;
  accounting: Pick<Accounting, 'priceOf'>;
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
  const { account, accounting } = request;
  const input = await tokens.countSliced(request.messages.map(messageText).join('\n'));
  const refusal = await account.cover(estimateOf(accounting, decision, input, maxTokens));
  if (refusal !== undefined) throw new UnpaidCall(refusal);
  const running: RunningCall[] = [];
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
        const isFree = !report.isOpened && !report.isHandedOn && report.usage === undefined;
        const hidden = tokens.count(report.hidden.text) + tokens.count(report.hidden.reasoning);
        const own = { input: isFree ? 0 : input, output: report.isHandedOn ? counter.total : hidden, reasoning: 0 };
        const row = rowOf(report, report.usage, own, tokens.exact, { route: decision.route });
        account.end(running.shift(), { ...row, kind: 'summary', shown: 0 });
        if (!isFree) usage.add(report.usage, own);
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
        begins: (target) => {
          const began = (call: RunningCall | Refusal): UnpaidCall | undefined => {
            if ('code' in call) return new UnpaidCall(call);
            running.push(call);
            return undefined;
          };
          const call = account.begin(accounting.priceOf(target), input);
          return call instanceof Promise ? call.then(began) : began(call);
        },
        isFollowUp: false,
        hasTools: false,
        format: undefined,
        build: ({ model }) => ({ turn, model, messages, params: { maxOutputTokens: maxTokens } }),
      },
      sink,
      controller.signal,
    );
  });
  return { text: cutTo(whole.trim().toWellFormed(), maxTokens, tokens), usage: usage.total(tokens.exact) };
}

function cutTo(text: string, maxTokens: number, tokens: ModelTokens): string {
  let cut = text;
  for (let count = tokens.count(cut); count > maxTokens; count = tokens.count(cut))
    cut = cut.slice(0, Math.max(0, Math.min(cut.length - 1, Math.floor((cut.length * maxTokens) / count))));
  return cut.toWellFormed();
}
