import { UpstreamError } from '../upstream/contract.ts';
import { AnswerScope } from './answer-scope.ts';
import type { RoutePolicy } from './contract.ts';
import type { RoutedSink } from './routed-answer.ts';
import { type CheckedFormat, formatProblem } from '../lib/json-format.ts';

/** Answers beyond the first that may be asked for when one breaks its format. */
const mostRepeats = 2;

/** Shows an answer as it comes and checks it when it is whole: one that breaks its format is asked for anew, or fails. */
export function checkFormat(
  format: CheckedFormat,
  policy: RoutePolicy,
  start: (sink: RoutedSink, signal: AbortSignal) => void,
  sink: RoutedSink,
  signal: AbortSignal,
): void {
  let repeats = 0;
  const scope = new AnswerScope(signal, () => sink.onClose());

  function run(): void {
    let text = '';
    let calls = 0;
    const part = scope.part();
    const own: RoutedSink = {
      ...sink,
      onText(piece) {
        text += piece;
        sink.onText(piece);
      },
      onRestart(reason) {
        text = '';
        sink.onRestart(reason);
      },
      onToolCall(call) {
        calls++;
        sink.onToolCall(call);
      },
      onEnd(...end) {
        // what was cut is told as cut, and a call of a tool is not the answer yet
        const isWhole = end[0] === 'stop' && calls === 0;
        const problem = isWhole ? formatProblem(text, format) : undefined;
        if (problem === undefined) {
          sink.onEnd(...end);
          scope.end('answered');
        } else if (policy.onSchemaMismatch === 'retry' && repeats++ < mostRepeats) {
          sink.onRestart('output_invalid');
          run();
        } else {
          const message = `The answer does not meet the format that was asked for: ${problem}.`;
          sink.onError(new UpstreamError('output_invalid', message));
          scope.end('failed');
        }
      },
      onError(error) {
        sink.onError(error);
        scope.end('failed');
      },
      onClose: part.closed,
    };
    start(own, part.signal);
  }

  run();
}
