import type { CheckedFormat } from '../lib/json-format.ts';
import { UpstreamError, type UpstreamRequest } from '../upstream/contract.ts';
import type { RouteDecision, TargetGroup } from './contract.ts';
import type { RoutedRequest, RoutedSink } from './routed-answer.ts';

/** One answer that a turn, or the gateway itself, asks for. */
export interface RoutedCall extends Omit<RoutedRequest, 'group' | 'fallback' | 'policy' | 'kind'> {
  decision: RouteDecision;
  /** It goes on with an answer that was begun: no other way than the chosen one. */
  isFollowUp: boolean;
  hasTools: boolean;
  format: CheckedFormat | undefined;
}

/** What the ways of answering need of the dispatcher. */
export interface AnswerTools {
  /** Asks the targets of a group, with the call's policy. */
  ask(request: RoutedRequest, sink: RoutedSink, signal: AbortSignal): void;
}

/** A call with other messages than the turn's, for judges. */
export function judgeRequest(
  request: RoutedRequest,
  group: TargetGroup,
  instructions: string,
  words: string,
): RoutedRequest {
  return {
    ...request,
    group,
    fallback: [],
    kind: 'judge',
    stay: undefined,
    refusalOf: undefined as never,
    build: (target): UpstreamRequest => {
      const { turn, timeouts } = request.build(target, undefined);
      return {
        turn,
        model: target.model,
        messages: [
          { role: 'system', text: instructions },
          { role: 'user', content: words },
        ],
        params: {},
        timeouts,
      };
    },
  };
}

export function noAnswer(): UpstreamError {
  return new UpstreamError('upstream_error', 'None of the models gave an answer.');
}
