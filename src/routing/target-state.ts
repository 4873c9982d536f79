import type { Clock } from '../lib/clock.ts';
import { Breaker, type BreakerOptions, type BreakerState, usualBreaker } from './breaker.ts';
import type { Target } from './contract.ts';
import { RetryBudget } from './retry-budget.ts';
import { UpstreamHealth } from './upstream-health.ts';

/** Weight of the newest time to the first token in its mean. */
const newestShare = 0.3;
/** After each of these without a call half of what was measured is believed: a slow target may be well again. */
const halfLifeMs = 30_000;
/** Below this, targets are equally fast, milliseconds. */
const leastFirstTokenMs = 1;

/** How a target is doing, as this node has seen it. */
export class TargetState {
  readonly breaker: Breaker;
  readonly retryBudget = new RetryBudget();
  running = 0;
  /** Input and expected output tokens of the calls that run. */
  outstandingTokens = 0;
  #firstTokenMs: number | undefined;
  #measuredMs = 0;
  #restUntilMs = 0;
  /** Of its upstream. */
  readonly health: UpstreamHealth;
  readonly #clock: Clock;

  constructor(clock: Clock, health = new UpstreamHealth(), breaker: BreakerOptions = usualBreaker) {
    this.#clock = clock;
    this.health = health;
    this.breaker = new Breaker(clock, breaker);
  }

  /** Mean time to the first token, milliseconds; undefined before the first one. */
  get firstTokenMs(): number | undefined {
    return this.#firstTokenMs;
  }

  /** The smaller, the sooner it is likely to answer. `otherwiseMs`: time to the first token where none is known. */
  load(weight: number, otherwiseMs: number): number {
    const known = this.#firstTokenMs;
    const age = (this.#clock.now() - this.#measuredMs) / halfLifeMs;
    const firstTokenMs = known === undefined ? otherwiseMs : known * 0.5 ** age;
    return ((this.outstandingTokens + 1) * Math.max(leastFirstTokenMs, firstTokenMs)) / weight;
  }

  firstToken(ms: number): void {
    this.#measuredMs = this.#clock.now();
    const before = this.#firstTokenMs;
    this.#firstTokenMs = before === undefined ? ms : before + (ms - before) * newestShare;
  }

  /** The provider asked to be left alone. */
  rest(forMs: number): void {
    this.#restUntilMs = Math.max(this.#restUntilMs, this.#clock.now() + forMs);
  }

  /** Milliseconds until it may be called again after it asked to be left alone. */
  get restMs(): number {
    return Math.max(0, this.#restUntilMs - this.#clock.now());
  }

  /** Nothing but a rest that it asked for keeps calls from it. */
  get isWell(): boolean {
    return this.health.isWell && this.breaker.allows;
  }

  get isUsable(): boolean {
    return this.restMs === 0 && this.isWell;
  }
}

/** What an operator sees of a target. */
export interface TargetReport {
  target: string;
  breaker: BreakerState;
  /** What health checks say of its upstream; true without them. */
  healthy: boolean;
  running: number;
  outstandingTokens: number;
  firstTokenMs: number | undefined;
  restMs: number;
}

/** The states of all targets; they outlive a change of the routes. */
export class TargetStates {
  readonly #clock: Clock;
  readonly #states = new Map<string, TargetState>();
  /** By the names of upstreams. */
  readonly #healths = new Map<string, UpstreamHealth>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of({ key, upstream }: Target): TargetState {
    let state = this.#states.get(key);
    if (state === undefined) {
      // clients may ask for any model of an open upstream
      if (this.#states.size >= mostStates) this.#forgetIdle();
      this.#states.set(key, (state = new TargetState(this.#clock, this.#healthOf(upstream.name))));
    }
    return state;
  }

  /** A health check of an upstream went well or not. Answers whether that changes what is thought of it. */
  checked(upstream: string, isGood: boolean): boolean {
    const health = this.#healthOf(upstream);
    if (isGood) for (const state of this.#states.values()) if (state.health === health) state.breaker.mayProbe();
    return health.checked(isGood);
  }

  /** Nobody checks the upstream any more. */
  unchecked(upstream: string): void {
    this.#healths.get(upstream)?.checked(true);
  }

  report(): TargetReport[] {
    return [...this.#states].map(([target, state]) => ({
      target,
      breaker: state.breaker.state,
      healthy: state.health.isWell,
      running: state.running,
      outstandingTokens: state.outstandingTokens,
      firstTokenMs: state.firstTokenMs,
      restMs: state.restMs,
    }));
  }

  #healthOf(upstream: string): UpstreamHealth {
    let health = this.#healths.get(upstream);
    if (health === undefined) this.#healths.set(upstream, (health = new UpstreamHealth()));
    return health;
  }

  #forgetIdle(): void {
    for (const [key, state] of this.#states)
      if (state.running === 0 && state.breaker.state === 'closed' && state.restMs === 0) this.#states.delete(key);
  }
}

const mostStates = 1_000;
