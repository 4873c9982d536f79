import type { FinishReason, UpstreamError, UpstreamSource, UpstreamToolCall } from '../upstream/contract.ts';
import type { AttemptReport } from './attempt.ts';
import type { Target } from './contract.ts';
import type { Because, RoutedSink } from './routed-answer.ts';

/** An answer that is whole and was not shown. */
export interface HeldAnswer {
  target: Target;
  text: string;
  reasoning: string;
  tool: string;
  calls: UpstreamToolCall[];
  sources: UpstreamSource[];
  native: { value: unknown } | undefined;
  finish: FinishReason;
  rawFinish: string | undefined;
  /** Of the call that it came from; not told to anybody yet. */
  report: AttemptReport | undefined;
}

export interface HoldOptions {
  /** Calls that failed, or that belong to an answer that was given up. */
  onAttempt(report: AttemptReport): void;
  onQueued(ahead: number): void;
  onEnd(answer: HeldAnswer): void;
  onError(error: UpstreamError): void;
  onClose(): void;
}

/** Takes an answer without showing it. */
export function createHoldingSink(options: HoldOptions): RoutedSink {
  let answer = emptyAnswer();
  return {
    onQueued: (ahead) => options.onQueued(ahead),
    onTarget(target) {
      answer.target = target;
    },
    onRestart() {
      answer = { ...emptyAnswer(), target: answer.target };
    },
    onAttempt(report) {
      if (report.status === 'completed' && report.isHandedOn) answer.report = report;
      else options.onAttempt(report.isHandedOn ? asHidden(report, answer) : report);
    },
    onText(text) {
      answer.text += text;
    },
    onReasoning(text) {
      answer.reasoning += text;
    },
    onToolCallDelta(text) {
      answer.tool += text;
    },
    onToolCall: (call) => answer.calls.push(call),
    onSource: (source) => answer.sources.push(source),
    onNative(value) {
      answer.native = { value };
    },
    onEnd(finish, rawFinish) {
      answer.finish = finish;
      answer.rawFinish = rawFinish;
      options.onEnd(answer);
    },
    onError: (error) => options.onError(error),
    onClose: () => options.onClose(),
  };
}

/** Shows an answer that was held back. */
export function showHeld(answer: HeldAnswer, sink: RoutedSink, because: Because | undefined): void {
  sink.onTarget(answer.target, because);
  if (answer.reasoning !== '') sink.onReasoning(answer.reasoning);
  if (answer.text !== '') sink.onText(answer.text);
  if (answer.tool !== '') sink.onToolCallDelta(answer.tool);
  for (const source of answer.sources) sink.onSource(source);
  for (const call of answer.calls) sink.onToolCall(call);
  if (answer.native !== undefined) sink.onNative(answer.native.value, answer.target);
  if (answer.report !== undefined) sink.onAttempt({ ...answer.report, isHandedOn: true });
  sink.onEnd(answer.finish, answer.rawFinish);
}

/** The report of an answer that is not shown after all: what it said is to be counted from here. */
export function reportUnshown(answer: HeldAnswer): AttemptReport | undefined {
  return answer.report === undefined ? undefined : asHidden(answer.report, answer);
}

function asHidden(report: AttemptReport, { text, reasoning, tool }: HeldAnswer): AttemptReport {
  return { ...report, isHandedOn: false, hidden: { text, reasoning, tool } };
}

function emptyAnswer(): HeldAnswer {
  return {
    target: undefined as unknown as Target,
    text: '',
    reasoning: '',
    tool: '',
    calls: [],
    sources: [],
    native: undefined,
    finish: 'other',
    rawFinish: undefined,
    report: undefined,
  };
}
