import type { Clock, Timer } from '../lib/clock.ts';
import {
  type FinishReason,
  UpstreamError,
  type UpstreamRequest,
  type UpstreamSource,
  type UpstreamToolCall,
} from '../upstream/contract.ts';
import type { AdmissionQueue } from './admission-queue.ts';
import { Attempt, type AttemptKind, type AttemptReport, type AttemptSink } from './attempt.ts';
import type { Balancer, Selection } from './balancer.ts';
import type { FailureClass, FallbackStep, RoutePolicy, Target, TargetGroup } from './contract.ts';
import { failureClassOf, isWorthRetrying } from './failure-class.ts';

/** One answer that is wanted, whoever gives it. */
export interface RoutedRequest {
  tenant: string;
  session: string;
  group: TargetGroup;
  fallback: readonly FallbackStep[];
  policy: RoutePolicy;
  /** Input and expected output tokens. */
  tokens: number;
  /** Key of the target that has to do with what is sent: it gave the calls whose results are part of it. */
  stay?: string | undefined;
  /** What the first call is; later ones are retries and fallbacks. */
  kind?: AttemptKind | undefined;
  /** The request for a target. `said`: text the answer goes on behind. */
  build(target: Target, said: string | undefined): UpstreamRequest;
  /** A call is going to be made; the reason where nobody pays for it, and then it is not. It may have to be asked for. */
  begins?(target: Target, kind: AttemptKind): UpstreamError | undefined | Promise<UpstreamError | undefined>;
  /** Whether a target may be asked at all; the reason where not. */
  refusalOf?(target: Target): UpstreamError | undefined;
}

/** Why the answer comes from another target than the one named before. */
export type Because = 'fallback' | 'hedge' | 'escalation' | 'vote';

/** As an upstream's sink, and what happens on the way. After an abort only `onAttempt` and `onClose` come. */
export interface RoutedSink {
  /** Waits for a place behind so many. */
  onQueued(ahead: number): void;
  /** What follows comes from there. */
  onTarget(target: Target, because: Because | undefined): void;
  /** What was said until now does not hold. */
  onRestart(reason: string): void;
  /** An upstream call is over. For a call whose output was handed on it comes before anything of the next one. */
  onAttempt(report: AttemptReport): void;
  onText(text: string): void;
  onReasoning(text: string): void;
  onToolCallDelta(text: string): void;
  onToolCall(call: UpstreamToolCall): void;
  onSource(source: UpstreamSource): void;
  onNative(value: unknown, target: Target): void;
  onEnd(finish: FinishReason, rawFinish: string | undefined): void;
  onError(error: UpstreamError): void;
  /** Once, last: no connection is held any more. */
  onClose(): void;
}

export interface RoutedAnswerOptions {
  balancer: Balancer;
  queue: AdmissionQueue<Target>;
  clock: Clock;
  random(): number;
  /** A call is made. */
  launched(): void;
  /** A place was given back. */
  released(): void;
  /** No connection is held any more, and the sink knows. */
  closed(): void;
}

/**
 * One answer over as many upstream calls as it takes. Until something of it was shown, a call that fails is made again,
 * elsewhere if possible, then along the fallbacks. Afterwards nothing is, unless the route says how to go on.
 */
export class RoutedAnswer {
  readonly #request: RoutedRequest;
  readonly #sink: RoutedSink;
  readonly #signal: AbortSignal;
  readonly #options: RoutedAnswerOptions;
  readonly #running = new Set<Attempt>();
  /** Calls whose connections are not released. */
  #open = 0;
  #group: TargetGroup;
  #step = -1;
  #tried = new Set<string>();
  #retries: number;
  #kind: AttemptKind;
  #calls = 0;
  /** The call whose output is handed on. */
  #winner: Attempt | undefined;
  #announced: Target | undefined;
  /** What was handed on, as far as it may be needed again. */
  #said = '';
  #saidMore = false;
  #timer: Timer | undefined;
  #hedgeTimer: Timer | undefined;
  #leaveQueue: (() => void) | undefined;
  #isOver = false;
  #isClosed = false;

  constructor(request: RoutedRequest, sink: RoutedSink, signal: AbortSignal, options: RoutedAnswerOptions) {
    this.#request = request;
    this.#sink = sink;
    this.#signal = signal;
    this.#options = options;
    this.#group = request.group;
    this.#retries = request.policy.retries;
    this.#kind = request.kind ?? 'primary';
  }

  start(): void {
    if (this.#signal.aborted) {
      this.#isOver = true;
      queueMicrotask(() => this.#closeIfDone());
      return;
    }
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#call();
  }

  readonly #onAbort = (): void => {
    this.#finish();
    for (const attempt of this.#running) attempt.abort(String(this.#signal.reason));
    this.#running.clear();
    this.#closeIfDone();
  };

  /** Makes the next call, now or when there is a place. */
  #call(): void {
    const selection = this.#select();
    if (selection.kind === 'target') this.#launch(selection.target, this.#kind);
    else if (selection.kind === 'full') this.#wait();
    else this.#unavailable(selection.retryAfterMs);
  }

  #select(onlyOthers = false): Selection {
    const { balancer } = this.#options;
    const { tokens, stay } = this.#request;
    return balancer.select(this.#candidates(), {
      session: this.#sessionKey,
      tokens,
      tried: this.#tried,
      onlyOthers,
      stay,
    });
  }

  /** Targets that cannot take the request are no candidates while there are others. */
  #candidates(): TargetGroup {
    const { refusalOf } = this.#request;
    const group = this.#group;
    let targets = group.targets;
    if (refusalOf !== undefined)
      targets = orAll(
        targets.filter((target) => refusalOf(target) === undefined),
        targets,
      );
    if (this.#continues)
      targets = orAll(
        targets.filter(({ upstream }) => upstream.acceptsPrefix === true),
        targets,
      );
    return targets === group.targets ? group : { ...group, targets };
  }

  /** The next call goes on behind a text that was shown. */
  get #continues(): boolean {
    return this.#said !== '' && this.#request.policy.onBreak === 'continue';
  }

  #mayAsk({ targets }: TargetGroup): boolean {
    return !this.#continues || targets.some(({ upstream }) => upstream.acceptsPrefix === true);
  }

  get #sessionKey(): string {
    return `${this.#request.tenant}\0${this.#request.session}`;
  }

  #wait(): void {
    const { queue } = this.#options;
    const leave = queue.add({
      tenant: this.#request.tenant,
      priority: this.#request.policy.priority,
      choose: () => {
        const selection = this.#select();
        return selection.kind === 'target' ? selection.target : undefined;
      },
      start: (target) => {
        this.#leaveQueue = undefined;
        this.#launch(target, this.#kind);
      },
      onPlace: (ahead) => this.#sink.onQueued(ahead),
      onTooLate: () => {
        this.#leaveQueue = undefined;
        this.#failed(
          new UpstreamError('overloaded', 'No upstream had room for the turn in time; try again later.'),
          this.#said !== '',
          false,
        );
      },
    });
    if (leave === undefined)
      this.#failed(
        new UpstreamError('overloaded', 'Too many turns wait for an upstream; try again later.'),
        this.#said !== '',
        false,
      );
    else this.#leaveQueue = leave;
  }

  #unavailable(retryAfterMs: number | undefined): void {
    const { maxRestMs } = waits;
    const mayWait = retryAfterMs !== undefined && retryAfterMs <= maxRestMs && this.#retries > 0;
    if (mayWait && this.#nextFallback('overload') === undefined) {
      this.#retries--;
      return this.#later(retryAfterMs);
    }
    this.#failed(
      new UpstreamError('upstream_unavailable', 'Every upstream that could answer is failing or held back.', {
        retryAfterMs,
      }),
      this.#said !== '',
      false,
    );
  }

  #launch(target: Target, kind: AttemptKind): void {
    const isFirst = this.#calls++ === 0;
    const refusal = this.#request.refusalOf?.(target);
    this.#tried.add(target.key);
    if (refusal !== undefined) return this.#failed(refusal, false);
    const paying = this.#request.begins?.(target, kind);
    if (!(paying instanceof Promise)) return this.#launchPaid(target, kind, isFirst, paying);
    paying.then(
      (unpaid) => {
        if (!this.#isOver) this.#launchPaid(target, kind, isFirst, unpaid);
      },
      (cause: unknown) => this.#fail(new UpstreamError('internal', 'The call could not be paid for.', { cause })),
    );
  }

  #launchPaid(target: Target, kind: AttemptKind, isFirst: boolean, unpaid: UpstreamError | undefined): void {
    const { balancer, clock } = this.#options;
    const { build, policy } = this.#request;
    if (unpaid !== undefined) {
      // the call that is to be hedged goes on
      if (this.#running.size === 0) this.#failed(unpaid, false);
      return;
    }
    if (isFirst) balancer.states.of(target).retryBudget.called();
    if (kind !== 'hedge') this.#announce(target, isFirst ? this.#firstBecause : 'fallback');
    const said = this.#said === '' ? undefined : this.#said;
    const attempt: Attempt = new Attempt(
      {
        target,
        kind,
        tokens: this.#request.tokens,
        balancer,
        clock,
        build: (to) => build(to, said),
        report: (report) => {
          this.#sink.onAttempt(report);
          this.#options.released();
        },
      },
      this.#sinkOf(() => attempt),
    );
    this.#running.add(attempt);
    this.#open++;
    this.#options.launched();
    if (policy.hedgeAfterMs !== undefined && kind !== 'hedge' && this.#winner === undefined)
      this.#hedgeTimer = clock.setTimer(() => this.#hedge(), policy.hedgeAfterMs);
    attempt.start();
  }

  get #firstBecause(): Because | undefined {
    return this.#request.kind === 'escalation' ? 'escalation' : undefined;
  }

  #announce(target: Target, because: Because | undefined): void {
    if (this.#announced?.key === target.key) return;
    this.#announced = target;
    this.#sink.onTarget(target, because);
  }

  #hedge(): void {
    this.#hedgeTimer = undefined;
    if (this.#isOver || this.#winner !== undefined || this.#running.size !== 1) return;
    const selection = this.#select(true);
    if (selection.kind !== 'target') return;
    if (!this.#options.balancer.states.of(selection.target).retryBudget.take()) return;
    this.#launch(selection.target, 'hedge');
  }

  #sinkOf(own: () => Attempt): AttemptSink {
    return {
      onOutput: (kind, text) => this.#output(own(), kind, text),
      onToolCall: (call) => this.#isOf(own()) && this.#sink.onToolCall(call),
      onSource: (source) => this.#isOf(own()) && this.#sink.onSource(source),
      onNative: (value) => this.#isOf(own()) && this.#sink.onNative(value, own().target),
      onEnd: (finish, rawFinish) => this.#ended(own(), finish, rawFinish),
      onError: (error) => {
        this.#running.delete(own());
        this.#errored(own(), error);
      },
      onClosed: () => {
        this.#open--;
        this.#closeIfDone();
      },
    };
  }

  /** The first call that says anything is the answer; the others are given up. */
  #isOf(attempt: Attempt): boolean {
    if (this.#isOver) return false;
    if (this.#winner === undefined) {
      this.#winner = attempt;
      this.#hedgeTimer?.cancel();
      this.#hedgeTimer = undefined;
      for (const other of this.#running) if (other !== attempt) this.#giveUp(other);
      if (attempt.kind === 'hedge') this.#announce(attempt.target, 'hedge');
    }
    return this.#winner === attempt;
  }

  #giveUp(attempt: Attempt): void {
    this.#running.delete(attempt);
    attempt.abort('another answer was faster');
  }

  #output(attempt: Attempt, kind: 'text' | 'reasoning' | 'tool', text: string): boolean {
    if (!this.#isOf(attempt)) return false;
    if (kind === 'text') {
      if (this.#request.policy.onBreak === 'continue') this.#said += text;
      this.#sink.onText(text);
    } else if (kind === 'reasoning') {
      this.#saidMore = true;
      this.#sink.onReasoning(text);
    } else this.#sink.onToolCallDelta(text);
    // pieces of a tool call are not shown: a call that breaks there may be made again
    attempt.isShown ||= kind !== 'tool';
    return true;
  }

  #ended(attempt: Attempt, finish: FinishReason, rawFinish: string | undefined): void {
    this.#running.delete(attempt);
    if (this.#isOver) return;
    const isRefused = finish === 'content_filter' && !attempt.isShown;
    if (isRefused && this.#nextFallback('contentPolicy') !== undefined)
      return this.#failed(
        new UpstreamError('content_refused', 'The provider refused for reasons of content policy.'),
        false,
      );
    if (!this.#isOf(attempt)) return;
    this.#options.balancer.answered(this.#sessionKey, attempt.target);
    this.#finish();
    this.#sink.onEnd(finish, rawFinish);
  }

  #errored(attempt: Attempt, error: UpstreamError): void {
    if (this.#isOver) return;
    const isWinner = this.#winner === attempt;
    // the other one of a hedged pair may still answer
    if (!isWinner && this.#running.size > 0) return;
    if (isWinner) this.#winner = undefined;
    this.#failed(error, isWinner && (attempt.isShown || this.#said !== ''));
  }

  #failed(error: UpstreamError, wasShown: boolean, mayRetry = true): void {
    const { policy } = this.#request;
    this.#hedgeTimer?.cancel();
    this.#hedgeTimer = undefined;
    const failure = failureClassOf(error.code);
    if (failure === undefined) return this.#fail(error);
    if (wasShown || this.#saidMore) {
      if (!isWorthRetrying(failure) || policy.onBreak === 'end') return this.#fail(error);
      // what was shown beside text no provider takes back
      if (policy.onBreak === 'continue' && (this.#saidMore || this.#said === '')) return this.#fail(error);
    }
    const step = this.#nextFallback(failure);
    const isElsewhere = failure === 'unauthorized' || failure === 'modelNotFound';
    if (mayRetry && (isWorthRetrying(failure) || isElsewhere) && this.#retry(error, isElsewhere, wasShown)) return;
    if (step === undefined) return this.#fail(error);
    this.#step = step;
    this.#group = this.#request.fallback[step]!.group;
    this.#tried = new Set();
    this.#retries = policy.retries;
    this.#kind = 'fallback';
    this.#startOver(error, wasShown);
    this.#call();
  }

  /** Tells that what was said does not hold, where that is the policy. */
  #startOver(error: UpstreamError, wasShown: boolean): void {
    if (!(wasShown || this.#saidMore) || this.#request.policy.onBreak !== 'restart') return;
    this.#said = '';
    this.#saidMore = false;
    this.#sink.onRestart(error.code);
  }

  /** Answers whether the call is made again in the same group. */
  #retry(error: UpstreamError, onlyElsewhere: boolean, wasShown: boolean): boolean {
    if (this.#retries <= 0 || !this.#mayAsk(this.#group)) return false;
    const { balancer, random } = this.#options;
    const { policy } = this.#request;
    const other = balancer.select(this.#candidates(), {
      session: this.#sessionKey,
      tokens: this.#request.tokens,
      tried: this.#tried,
      onlyOthers: true,
    });
    const isElsewhere = other.kind === 'target' || other.kind === 'full';
    if (onlyElsewhere && !isElsewhere) return false;
    const waitMs = Math.min(policy.retryMaxMs, policy.retryMinMs * 2 ** (policy.retries - this.#retries));
    const askedMs = error.retryAfterMs ?? 0;
    // who asks for more patience than that is left to the fallbacks
    if (!isElsewhere && askedMs > waits.maxRestMs) return false;
    const [any] = this.#group.targets;
    if (!balancer.states.of(other.kind === 'target' ? other.target : any!).retryBudget.take()) return false;
    this.#retries--;
    this.#kind = 'retry';
    this.#startOver(error, wasShown);
    // full jitter: those that failed together do not come back together
    if (isElsewhere) this.#call();
    else this.#later(Math.max(askedMs, random() * waitMs));
    return true;
  }

  #later(waitMs: number): void {
    this.#timer = this.#options.clock.setTimer(
      () => {
        this.#timer = undefined;
        if (!this.#isOver) this.#call();
      },
      Math.max(1, Math.ceil(waitMs)),
    );
  }

  #nextFallback(failure: FailureClass): number | undefined {
    const { fallback } = this.#request;
    for (let step = this.#step + 1; step < fallback.length; step++)
      if (fallback[step]!.on.has(failure) && this.#mayAsk(fallback[step]!.group)) return step;
    return undefined;
  }

  #fail(error: UpstreamError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink.onError(error);
    this.#closeIfDone();
  }

  /** Nothing is said or begun any more. */
  #finish(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#hedgeTimer?.cancel();
    this.#leaveQueue?.();
    this.#leaveQueue = undefined;
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  #closeIfDone(): void {
    if (!this.#isOver || this.#open > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#sink.onClose();
    this.#options.closed();
  }
}

const waits = {
  /** A provider that asks for more patience than this is not waited for, milliseconds. */
  maxRestMs: 10_000,
};

function orAll(some: readonly Target[], all: readonly Target[]): readonly Target[] {
  return some.length > 0 ? some : all;
}
