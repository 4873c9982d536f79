import type { TurnStatus } from '../../protocol/frames/common.ts';
import type { TurnEnded } from '../../protocol/frames/turn.ts';
import type { CountTokens } from '../context/message-tokens.ts';
import type { SessionContext } from '../context/session-context.ts';
import type { Clock } from '../lib/clock.ts';
import type { Accounting } from '../limits/accounting.ts';
import type { Router, Target } from '../routing/contract.ts';
import type { RoutedCall } from '../routing/routed-call.ts';
import type { RoutedSink } from '../routing/routed-answer.ts';
import type { LiveTurn, Session } from '../session/session.ts';
import type { Store } from '../store/contract.ts';
import type { Logger } from '../telemetry/contract.ts';
import type { UpstreamError, UpstreamMessage } from '../upstream/contract.ts';
import type { TokenCounter } from '../tokens/token-counter.ts';

/** Bounds on turns that hold for all sessions. */
export interface TurnLimits {
  /** Largest input, in bytes of UTF-8. */
  maxInputBytes: number;
  /** Decoded bytes of an input's images, audio and files together. */
  maxMediaBytes: number;
  maxQueuedTurns: number;
  /** Output tokens of a turn, tool rounds together. */
  maxOutputTokens: number;
  /** Budget of a window in tokens, where the session does not set one. */
  windowTokens: number;
  /** A turn without any attachment lives on for this long, where neither turn nor session says otherwise. */
  keepMs: number;
  maxKeepMs: number;
  /** An open tool call is answered within this. */
  toolMs: number;
  maxToolRounds: number;
}

/** How rolling summaries are made. */
export interface SummarySettings {
  /** Upstream and model that write them; the default ones otherwise. */
  route?: string | undefined;
  model?: string | undefined;
  maxTokens: number;
  /** Share of the room for turns from which on older ones are folded in. */
  after: number;
  timeoutMs: number;
  prompt?: string | undefined;
}

/** Counting for one model. */
export interface ModelTokens {
  createCounter(): TokenCounter;
  count: CountTokens;
  /** Counts a text of any size without holding up the event loop. */
  countSliced(text: string): Promise<number>;
  /** False where the provider does not publish its tokenizer. */
  exact: boolean;
}

/** What turns need of the rest of the gateway. */
export interface TurnEnvironment {
  store: Store;
  clock: Clock;
  logger: Logger;
  router: Router;
  /** Brings calls to upstreams. */
  dispatcher: { answer(call: RoutedCall, sink: RoutedSink, signal: AbortSignal): void };
  /** Why a target cannot take a request, as far as that is known beforehand. */
  refusalOf?(target: Target, messages: readonly UpstreamMessage[], hasTools: boolean): UpstreamError | undefined;
  /** Tokens that a model takes as input beside its answer, where that is known. */
  contextTokensOf?(target: Pick<Target, 'upstream' | 'model'>): number | undefined;
  limits: TurnLimits;
  /** What turns may spend and have spent. */
  accounting: Accounting;
  node: string;
  tokensFor(model: string): ModelTokens;
  contextOf(session: Session): SessionContext;
  /** Whether the last attempt to sum the session up failed. */
  summaryFailed(session: Session): boolean;
  /** The store does not know the turn, or knows it otherwise: no end of it is shown. */
  turnForgotten(turn: LiveTurn): void;
  /** The turn is over and stored; `next` is the waiting turn that the store let run. */
  turnEnded(turn: LiveTurn, session: Session, next: string | undefined): void;
}

/** How a turn is to end. */
export interface Ending {
  status: TurnStatus;
  reason?: string | undefined;
  message?: string | undefined;
  heard?: number | undefined;
  /** The limit that was reached. */
  limit?: TurnEnded['limit'];
}
