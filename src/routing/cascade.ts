import { AnswerScope } from './answer-scope.ts';
import type { Strategy } from './contract.ts';
import { type AnswerTools, judgeRequest, type RoutedCall } from './routed-call.ts';
import { escalationReason, scoreOf } from './escalation.ts';
import { createHoldingSink, type HeldAnswer, reportUnshown, showHeld } from './held-answer.ts';
import type { RoutedRequest, RoutedSink } from './routed-answer.ts';

const judgeInstructions =
  'You judge the answer of another assistant. Reply with one number from 0 (useless or wrong) to 1 (right, complete and helpful) and nothing else.';

/** The cheap model first; the route's own one where its answer is not good enough, or there is none. */
export function answerByCascade(
  call: RoutedCall,
  request: RoutedRequest,
  strategy: Extract<Strategy, { kind: 'cascade' }>,
  { ask }: AnswerTools,
  sink: RoutedSink,
  signal: AbortSignal,
): void {
  const { escalate, first, show } = strategy;
  const isLive = show === 'live';
  /** Whole, and neither shown nor told of. */
  let waiting: HeldAnswer | undefined;
  let hasShown = false;
  const scope = new AnswerScope(
    signal,
    () => sink.onClose(),
    () => tellUnshown(waiting),
  );

  function escalateNow(): void {
    if (scope.isEnded) return;
    tellUnshown(waiting);
    waiting = undefined;
    if (hasShown) sink.onRestart('escalation');
    const part = scope.part();
    const last: RoutedSink = {
      ...sink,
      onEnd(...end) {
        sink.onEnd(...end);
        scope.end('answered');
      },
      onError(error) {
        sink.onError(error);
        scope.end('failed');
      },
      onClose: part.closed,
    };
    ask({ ...request, kind: 'escalation' }, last, part.signal);
  }

  function tellUnshown(answer: HeldAnswer | undefined): void {
    const report = answer === undefined ? undefined : reportUnshown(answer);
    if (report !== undefined) sink.onAttempt(report);
  }

  function accept(answer: HeldAnswer): void {
    if (scope.isEnded) return;
    waiting = undefined;
    if (isLive) sink.onEnd(answer.finish, answer.rawFinish);
    else showHeld(answer, sink, undefined);
    scope.end('answered');
  }

  function judge(answer: HeldAnswer): void {
    const { judge: rules } = escalate;
    if (rules === undefined) return accept(answer);
    const part = scope.part();
    const words = `The user's request:\n${wordsOf(request)}\n\nThe answer:\n${answer.text}`;
    const held = createHoldingSink({
      onAttempt: (report) => sink.onAttempt(report),
      onQueued: () => {},
      onEnd(verdict) {
        tellUnshown(verdict);
        const score = scoreOf(verdict.text);
        // a judge that says nothing of use does not stand in the way
        if (score === undefined || score >= rules.below) accept(answer);
        else escalateNow();
      },
      onError: () => accept(answer),
      onClose: part.closed,
    });
    ask(judgeRequest(request, rules.group, rules.prompt ?? judgeInstructions, words), held, part.signal);
  }

  const part = scope.part();
  const held = createHoldingSink({
    onAttempt: (report) => sink.onAttempt(report),
    onQueued: (ahead) => sink.onQueued(ahead),
    onEnd(answer) {
      if (scope.isEnded) return;
      waiting = answer;
      if (escalationReason(answer, escalate, call.format) !== undefined) escalateNow();
      // a call of a tool is not judged: there is no answer yet
      else if (answer.calls.length > 0) accept(answer);
      else judge(answer);
    },
    onError: () => escalateNow(),
    onClose: part.closed,
  });
  const cheap: RoutedRequest = { ...request, group: first, fallback: [] };
  const noteShown = (): void => {
    hasShown = true;
  };
  ask(cheap, isLive ? tee(sink, held, noteShown) : held, part.signal);
}

/** Shows an answer and keeps it as well; its end and failure are the keeper's to tell. */
function tee(sink: RoutedSink, held: RoutedSink, onShown: () => void): RoutedSink {
  return {
    onQueued: (ahead) => sink.onQueued(ahead),
    onTarget(target, because) {
      sink.onTarget(target, because);
      held.onTarget(target, because);
    },
    onRestart(reason) {
      sink.onRestart(reason);
      held.onRestart(reason);
    },
    onAttempt: (report) => sink.onAttempt(report),
    onText(text) {
      held.onText(text);
      onShown();
      sink.onText(text);
    },
    onReasoning(text) {
      held.onReasoning(text);
      onShown();
      sink.onReasoning(text);
    },
    onToolCallDelta(text) {
      held.onToolCallDelta(text);
      sink.onToolCallDelta(text);
    },
    onToolCall(call) {
      held.onToolCall(call);
      sink.onToolCall(call);
    },
    onSource: (source) => sink.onSource(source),
    onNative: (value, target) => sink.onNative(value, target),
    onEnd: (finish, rawFinish) => held.onEnd(finish, rawFinish),
    onError: (error) => held.onError(error),
    onClose: () => held.onClose(),
  };
}

/** The user's last words, for a judge. */
function wordsOf(request: RoutedRequest): string {
  const [target] = request.group.targets;
  const { messages } = request.build(target!, undefined);
  const last = messages.findLast((message) => message.role === 'user');
  if (last === undefined) return '';
  const { content } = last;
  if (typeof content === 'string') return content;
  return content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n');
}
