import type { UpstreamError } from '../upstream/contract.ts';
import { AnswerScope } from './answer-scope.ts';
import type { Strategy } from './contract.ts';
import { type AnswerTools, judgeRequest, noAnswer, type RoutedCall } from './routed-call.ts';
import { createHoldingSink, type HeldAnswer, reportUnshown, showHeld } from './held-answer.ts';
import type { RoutedRequest, RoutedSink } from './routed-answer.ts';

const mergeInstructions =
  'Several assistants answered the same request. Write the one best answer to it from what they said: keep what is right, leave out what is not, and do not mention them.';

/** Several models answer at once; one answer is shown: the first good one, the one most agree on, or a judge's. */
export function answerByEnsemble(
  _call: RoutedCall,
  request: RoutedRequest,
  { groups, pick, judge, prompt }: Extract<Strategy, { kind: 'ensemble' }>,
  { ask }: AnswerTools,
  sink: RoutedSink,
  signal: AbortSignal,
): void {
  const answers: (HeldAnswer | undefined)[] = groups.map(() => undefined);
  const scope = new AnswerScope(
    signal,
    () => sink.onClose(),
    () => tellUnshown(),
  );
  let failure: UpstreamError | undefined;
  let left = groups.length;

  function tellUnshown(shown?: HeldAnswer): void {
    for (const answer of answers) {
      const report = answer === undefined || answer === shown ? undefined : reportUnshown(answer);
      if (report !== undefined) sink.onAttempt(report);
    }
  }

  function finish(shown: HeldAnswer, because: 'vote' | undefined): void {
    tellUnshown(shown);
    // the calls that still run are given up before anything is shown
    scope.end('another answer was taken');
    showHeld(shown, sink, because);
  }

  function allAnswered(): void {
    const good = answers.filter((answer) => answer !== undefined && isGood(answer)) as HeldAnswer[];
    const any = good[0] ?? answers.find((answer) => answer !== undefined);
    if (any === undefined) {
      sink.onError(failure ?? noAnswer());
      scope.end('failed');
    } else if (pick !== 'judge' || good.length < 2) finish(pick === 'vote' ? mostAgreed(good, any) : any, 'vote');
    else merge(good);
  }

  function merge(good: readonly HeldAnswer[]): void {
    const part = scope.part();
    const { messages } = request.build(request.group.targets[0]!, undefined);
    const asked = messages.findLast((message) => message.role === 'user');
    const words =
      asked === undefined ? '' : typeof asked.content === 'string' ? asked.content : JSON.stringify(asked.content);
    const said = good.map(({ text }, i) => `Answer ${i + 1}:\n${text}`).join('\n\n');
    const last: RoutedSink = {
      ...sink,
      onEnd(...end) {
        tellUnshown();
        sink.onEnd(...end);
        scope.end('answered');
      },
      // without the judge the first good answer has to do
      onError: () => finish(good[0]!, undefined),
      onClose: part.closed,
    };
    ask(
      judgeRequest(request, judge!, prompt ?? mergeInstructions, `The request:\n${words}\n\n${said}`),
      last,
      part.signal,
    );
  }

  for (const [i, group] of groups.entries()) {
    const part = scope.part();
    const held = createHoldingSink({
      onAttempt: (report) => sink.onAttempt(report),
      onQueued: () => {},
      onEnd(answer) {
        if (scope.isEnded) return;
        answers[i] = answer;
        left--;
        if (pick === 'first' && isGood(answer)) finish(answer, undefined);
        else if (left === 0) allAnswered();
      },
      onError(error) {
        if (scope.isEnded) return;
        failure = error;
        if (--left === 0) allAnswered();
      },
      onClose: part.closed,
    });
    ask({ ...request, group, fallback: [], kind: i === 0 ? 'primary' : 'vote' }, held, part.signal);
  }
}

function isGood({ text, finish }: HeldAnswer): boolean {
  return text.trim() !== '' && finish !== 'content_filter';
}

/** The text that most gave, as far as case and spaces go; the earlier one of two that are even. */
function mostAgreed(good: readonly HeldAnswer[], otherwise: HeldAnswer): HeldAnswer {
  const votes = new Map<string, HeldAnswer[]>();
  for (const answer of good) {
    const key = answer.text
      .trim()
      .toLowerCase()
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/[.!]+$/g, '');
    votes.set(key, [...(votes.get(key) ?? []), answer]);
  }
  const [most] = [...votes.values()].toSorted((a, b) => b.length - a.length);
  return most?.[0] ?? otherwise;
}
