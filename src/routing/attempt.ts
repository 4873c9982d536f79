import type { ErrorCode } from '../../protocol/error-codes.ts';
import type { Clock } from '../lib/clock.ts';
import {
  type FinishReason,
  UpstreamError,
  type UpstreamRequest,
  type UpstreamSink,
  type UpstreamSource,
  type UpstreamToolCall,
  type UpstreamUsage,
} from '../upstream/contract.ts';
import type { Balancer } from './balancer.ts';
import type { Target } from './contract.ts';
import { failureClassOf, isIllness } from './failure-class.ts';
import type { TargetState } from './target-state.ts';
import type { CapacityLease } from './upstream-capacity.ts';

/** Why a call was made. */
export type AttemptKind = 'primary' | 'retry' | 'fallback' | 'hedge' | 'escalation' | 'vote' | 'judge' | 'shadow';

/** One upstream call as it went; every call has exactly one. */
export interface AttemptReport {
  upstream: string;
  model: string;
  kind: AttemptKind;
  status: 'completed' | 'failed' | 'aborted';
  /** Of a failure. */
  code?: ErrorCode | undefined;
  finish?: FinishReason | undefined;
  /** The provider's own figures. */
  usage: UpstreamUsage | undefined;
  /** It accepted the request: what was sent is paid for. */
  isOpened: boolean;
  /** What was not handed on, to be counted: text, reasoning and tool arguments. */
  hidden: { text: string; reasoning: string; tool: string };
  /** Its output was handed on, and is counted by who took it. */
  isHandedOn: boolean;
  requestId: string | undefined;
  firstTokenMs: number | undefined;
  totalMs: number;
}

/** What an attempt tells of. Everything but `onEnded` stops when it is given up. */
export interface AttemptSink {
  /** Something came: text, reasoning, or a piece of a tool call. Answers whether the answer takes it. */
  onOutput(kind: 'text' | 'reasoning' | 'tool', text: string): boolean;
  onToolCall(call: UpstreamToolCall): void;
  onSource(source: UpstreamSource): void;
  onNative(value: unknown): void;
  onEnd(finish: FinishReason, rawFinish: string | undefined): void;
  onError(error: UpstreamError): void;
  /** The last one: the connection is released. Comes after `onEnd` or `onError`, or alone after `abort`. */
  onClosed(): void;
}

export interface AttemptOptions {
  target: Target;
  kind: AttemptKind;
  /** Input and expected output. */
  tokens: number;
  balancer: Balancer;
  clock: Clock;
  build(target: Target): UpstreamRequest;
  report(report: AttemptReport): void;
}

/** One upstream call: its place, its share in the health of its target, and its report. */
export class Attempt {
  readonly target: Target;
  readonly kind: AttemptKind;
  /** Text or reasoning of it was handed on: clients may have seen it. */
  isShown = false;
  #isHandedOn = false;
  readonly #options: AttemptOptions;
  readonly #sink: AttemptSink;
  readonly #controller = new AbortController();
  readonly #state: TargetState;
  readonly #lease: CapacityLease;
  readonly #isProbe: boolean;
  readonly #startedMs: number;
  readonly #hidden = { text: '', reasoning: '', tool: '' };
  #usage: UpstreamUsage | undefined;
  #requestId: string | undefined;
  #isOpened = false;
  #firstTokenMs: number | undefined;
  #isReported = false;
  #isClosed = false;

  constructor(options: AttemptOptions, sink: AttemptSink) {
    const { target, kind, tokens, balancer, clock } = options;
    this.target = target;
    this.kind = kind;
    this.#options = options;
    this.#sink = sink;
    this.#startedMs = clock.now();
    const { state, lease, isProbe } = balancer.begin(target, tokens);
    this.#state = state;
    this.#lease = lease;
    this.#isProbe = isProbe;
  }

  start(): void {
    const { target, build } = this.#options;
    const sink: UpstreamSink = {
      onOpen: (requestId) => {
        this.#isOpened = true;
        this.#requestId = requestId;
      },
      onText: (text) => this.#output('text', text),
      onReasoning: (text) => this.#output('reasoning', text),
      onToolCallDelta: (text) => this.#output('tool', text),
      onToolCall: (call) => this.#isReported || this.#sink.onToolCall(call),
      onSource: (source) => this.#isReported || this.#sink.onSource(source),
      onNative: (value) => this.#isReported || this.#sink.onNative(value),
      // told with the report alone: figures of a call that fails must not make it the answer
      onUsage: (usage) => {
        this.#usage = usage;
      },
      onEnd: (finish, rawFinish) => this.#end(finish, rawFinish),
      onError: (error) => this.#fail(error),
      onClose: () => this.#close(),
    };
    try {
      target.upstream.stream(build(target), sink, this.#controller.signal);
    } catch (cause) {
      this.#fail(
        cause instanceof UpstreamError
          ? cause
          : new UpstreamError('internal', 'The upstream could not be called.', { cause }),
      );
      this.#close();
    }
  }

  /** Gives it up; `reason` reaches the upstream as the reason of its signal. */
  abort(reason: string): void {
    if (this.#isReported) return;
    this.#state.breaker.unknown(this.#isProbe);
    this.#report('aborted');
    this.#controller.abort(reason);
  }

  #output(kind: 'text' | 'reasoning' | 'tool', text: string): void {
    if (this.#isReported) return;
    if (this.#firstTokenMs === undefined) {
      this.#firstTokenMs = this.#options.clock.now() - this.#startedMs;
      this.#state.firstToken(this.#firstTokenMs);
    }
    if (this.#sink.onOutput(kind, text)) this.#isHandedOn = true;
    else this.#hidden[kind] += text;
  }

  #end(finish: FinishReason, rawFinish: string | undefined): void {
    if (this.#isReported) return;
    this.#state.breaker.succeeded(this.#isProbe);
    this.#report('completed', undefined, finish);
    this.#sink.onEnd(finish, rawFinish);
  }

  #fail(error: UpstreamError): void {
    if (this.#isReported) return;
    const failure = failureClassOf(error.code);
    if (failure === 'rateLimit') this.#state.rest(error.retryAfterMs ?? usualRestMs);
    // an overloaded provider that says how long is believed, as far as the wait is bounded
    if (failure === 'overload' && error.retryAfterMs !== undefined) this.#state.rest(error.retryAfterMs);
    if (failure !== undefined && isIllness(failure)) this.#state.breaker.failed(this.#isProbe);
    else this.#state.breaker.unknown(this.#isProbe);
    this.#report('failed', error.code);
    this.#sink.onError(error);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // an upstream that closes without an end broke its contract
    if (!this.#isReported) this.#fail(new UpstreamError('upstream_truncated', 'The answer ended without an end.'));
    this.#sink.onClosed();
  }

  #report(status: AttemptReport['status'], code?: ErrorCode, finish?: FinishReason): void {
    this.#isReported = true;
    const { target, kind, clock, tokens } = this.#options;
    const usage = this.#usage;
    const isRefused = status === 'failed' && !this.#isOpened;
    this.#lease.release(usage === undefined ? (isRefused ? 0 : tokens) : usage.input + usage.output);
    this.#options.report({
      upstream: target.upstream.name,
      model: target.model,
      kind,
      status,
      code,
      finish,
      usage,
      isOpened: this.#isOpened,
      hidden: this.#hidden,
      isHandedOn: this.#isHandedOn,
      requestId: this.#requestId,
      firstTokenMs: this.#firstTokenMs,
      totalMs: clock.now() - this.#startedMs,
    });
  }
}

/** A provider that limits without saying for how long is left alone for this long, milliseconds. */
const usualRestMs = 1_000;
