import type { LimitRules } from '../limits/rules.ts';
import type { Upstream, UpstreamTimeouts } from '../upstream/contract.ts';

/** What is known of a turn, or of another call, when its way is chosen; absent facts match no rule that asks for them. */
export interface RouteRequest {
  /** Route, group of models or upstream asked for by the turn, else by the session. */
  route: string | undefined;
  /** Model asked for by the turn, else by the session. */
  model: string | undefined;
  tenant?: string | undefined;
  session?: string | undefined;
  /** From the credential, never from a frame. */
  team?: string | undefined;
  tier?: string | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  /** The user's words; looked at where a rule asks for their language. */
  text?: string | undefined;
  inputTokens?: number | undefined;
}

/** What becomes of a turn whose node is lost: it ends `interrupted`, or another node goes on with it where that is possible. */
export type OnCrash = 'end' | 'continue';

/** An upstream and one of its models. */
export interface Target {
  /** `upstream/model`. */
  readonly key: string;
  readonly upstream: Upstream;
  readonly model: string;
  /** Share of the turns among targets of one priority. */
  readonly weight: number;
  /** The smaller number comes first; the next one only where none of it can be used. */
  readonly priority: number;
}

/** Targets that are as good as each other. */
export interface TargetGroup {
  readonly name: string;
  /** One at least. */
  readonly targets: readonly Target[];
  /** A session stays with its target while that works, for the sake of the provider's prompt cache. */
  readonly affinity: boolean;
}

/** Kinds of failure that a fallback can be for. */
export const failureClasses = [
  'rateLimit',
  'overload',
  'timeout',
  'error',
  'unauthorized',
  'modelNotFound',
  'contextTooLong',
  'contentPolicy',
  'rejected',
  'schema',
] as const;
export type FailureClass = (typeof failureClasses)[number];

export interface FallbackStep {
  readonly group: TargetGroup;
  readonly on: ReadonlySet<FailureClass>;
}

export interface RoutePolicy {
  /** Calls beyond the first in one group. */
  readonly retries: number;
  /** Bounds of the wait before a retry, which doubles, milliseconds. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /**
   * When an answer breaks after something of it was shown: `end` fails the turn; `continue` goes on behind the text where
   * an upstream takes it as a prefix; `restart` tells clients to drop it and begins anew.
   */
  readonly onBreak: 'end' | 'continue' | 'restart';
  /** A second call is made where the first said nothing for this long, milliseconds. */
  readonly hedgeAfterMs: number | undefined;
  readonly timeouts: Partial<UpstreamTimeouts> | undefined;
  /** Among turns that wait for a place: the larger number goes first. */
  readonly priority: number;
  /** An answer that does not meet its schema: `fail`, or ask again. */
  readonly onSchemaMismatch: 'fail' | 'retry';
  readonly maxOutputTokens: number | undefined;
  /** Of the route, for each tenant by itself. */
  readonly limits: LimitRules | undefined;
}

/** Signals on which a cheap answer is not good enough. */
export interface EscalationRules {
  /** UTF-16 units of text. */
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly refusal: boolean;
  readonly patterns: readonly RegExp[];
  readonly schema: boolean;
  readonly judge: { group: TargetGroup; below: number; prompt: string | undefined } | undefined;
}

export type Strategy =
  | {
      readonly kind: 'cascade';
      readonly first: TargetGroup;
      readonly escalate: EscalationRules;
      /** `live`: the cheap answer is shown as it comes, and dropped when it is not good enough. */
      readonly show: 'checked' | 'live';
    }
  | {
      readonly kind: 'ensemble';
      readonly groups: readonly TargetGroup[];
      readonly pick: 'first' | 'vote' | 'judge';
      readonly judge: TargetGroup | undefined;
      readonly prompt: string | undefined;
    };

/** The way of a turn. It stays as it is, whatever is configured meanwhile. */
export interface RouteDecision {
  /** Name of the rule; undefined where none was asked. */
  readonly route: string | undefined;
  readonly variant: string | undefined;
  /** Names of the steps taken because of load. */
  readonly degraded: readonly string[];
  /** The target that stands for the others where one is to be named or counted for. */
  readonly upstream: Upstream;
  readonly model: string;
  readonly group: TargetGroup;
  readonly fallback: readonly FallbackStep[];
  readonly policy: RoutePolicy;
  readonly strategy: Strategy | undefined;
  /** Gets a copy of the request; what it says is thrown away. */
  readonly shadow: TargetGroup | undefined;
  readonly onCrash: OnCrash;
}

/** One rule as it was tried, for people. */
export interface RouteTrace {
  route: string;
  matched: boolean;
  /** The first condition that did not hold. */
  because?: string | undefined;
}

/** Picks the way of a turn. Throws `ProtocolError` `model_not_found` or `route_not_found`. */
export interface Router {
  readonly upstreams: readonly Upstream[];
  route(request: RouteRequest, trace?: (step: RouteTrace) => void): RouteDecision;
  /** The decision that a log tells of, as far as it can still be had: for turns that go on elsewhere. */
  again(upstream: string, model: string, route: string | undefined): RouteDecision | undefined;
}
