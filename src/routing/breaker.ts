import type { Clock } from '../lib/clock.ts';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  failures: number;
  /** Share of failures among the last `window` calls that opens it, too. */
  failureRate: number;
  window: number;
  /** How long it stays open at first, milliseconds; twice as long after each probe that fails. */
  openMs: number;
  maxOpenMs: number;
}

export const usualBreaker: BreakerOptions = {
  failures: 5,
  failureRate: 0.5,
  window: 20,
  openMs: 5_000,
  maxOpenMs: 60_000,
};

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * Keeps calls from a target that fails. A call counts when its stream is over, so one that breaks in the middle is a
 * failure, too. After a while one call probes; the others go elsewhere until it is known how that went.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #options: BreakerOptions;
  #inARow = 0;
  #last: boolean[] = [];
  #openUntilMs: number | undefined;
  #openForMs: number;
  #probing = false;

  constructor(clock: Clock, options: BreakerOptions = usualBreaker) {
    this.#clock = clock;
    this.#options = options;
    this.#openForMs = options.openMs;
  }

  get state(): BreakerState {
    if (this.#openUntilMs === undefined) return 'closed';
    return this.#clock.now() < this.#openUntilMs ? 'open' : 'half-open';
  }

  /** Whether a call may be made now. */
  get allows(): boolean {
    const { state } = this;
    return state === 'closed' || (state === 'half-open' && !this.#probing);
  }

  /** A call is made; in the half-open state it is the probe. Answers whether it is. */
  begin(): boolean {
    if (this.state !== 'half-open' || this.#probing) return false;
    this.#probing = true;
    return true;
  }

  /** A call ended well. */
  succeeded(wasProbe: boolean): void {
    if (wasProbe) {
      this.#probing = false;
      this.#close();
    } else if (this.#openUntilMs === undefined) {
      this.#inARow = 0;
      this.#note(true);
    }
  }

  failed(wasProbe: boolean): void {
    if (wasProbe) {
      this.#probing = false;
      this.#openForMs = Math.min(this.#openForMs * 2, this.#options.maxOpenMs);
      this.#open();
      return;
    }
    // calls from before it opened say nothing new
    if (this.#openUntilMs !== undefined) return;
    this.#inARow++;
    this.#note(false);
    const { failures, failureRate, window } = this.#options;
    const failed = this.#last.filter((isGood) => !isGood).length;
    const isOften = this.#last.length >= window && failed / this.#last.length >= failureRate;
    if (this.#inARow >= failures || isOften) this.#open();
  }

  /** A call ended in a way that says nothing: it was cancelled, or the request was at fault. */
  unknown(wasProbe: boolean): void {
    if (wasProbe) this.#probing = false;
  }

  /** Something says that it is well again: the next call probes without waiting. */
  mayProbe(): void {
    if (this.#openUntilMs !== undefined) this.#openUntilMs = Math.min(this.#openUntilMs, this.#clock.now());
  }

  #open(): void {
    this.#openUntilMs = this.#clock.now() + this.#openForMs;
  }

  #close(): void {
    this.#openUntilMs = undefined;
    this.#openForMs = this.#options.openMs;
    this.#inARow = 0;
    this.#last = [];
  }

  #note(isGood: boolean): void {
    this.#last.push(isGood);
    if (this.#last.length > this.#options.window) this.#last.shift();
  }
}
