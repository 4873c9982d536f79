import type { Clock, Timer } from '../lib/clock.ts';
import type { UpstreamTimeouts } from './contract.ts';

/** What an answer was doing when its time ran out. */
export type WatchdogPhase = 'connect' | 'firstToken' | 'idle' | 'total';

/** setTimeout fires at once for anything longer; the watchdog simply looks again after this long. */
const longestDelayMs = 2 ** 31 - 1;
/** A timer this late says that this process slept or was busy, not that the provider was silent. */
const lateTimerMs = 250;
/** Enough for one turn of the event loop, in which bytes that already arrived are read. */
const graceMs = 50;

/**
 * The four bounds of one answer, on one timer. A sign of life only writes a timestamp: the timer is armed for the
 * nearest deadline, looks at the timestamp when it fires and is armed again for what is left.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #timeouts: UpstreamTimeouts;
  readonly #onExpire: (phase: WatchdogPhase, boundMs: number) => void;
  readonly #totalDeadlineMs: number;
  #phase: WatchdogPhase = 'total';
  /** Start of the phase, or the last sign of life while idle is watched. */
  #sinceMs: number;
  #boundMs = Number.POSITIVE_INFINITY;
  #armedForMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #graceGiven = false;
  #stopped = false;

  /** Starts the total bound; `onExpire` comes at most once, never after `stop`, and names the bound that ran out. */
  constructor(clock: Clock, timeouts: UpstreamTimeouts, onExpire: (phase: WatchdogPhase, boundMs: number) => void) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#onExpire = onExpire;
    this.#sinceMs = clock.now();
    this.#totalDeadlineMs = this.#sinceMs + timeouts.totalMs;
    this.#arm(this.#sinceMs);
  }

  /** A connection is being made. */
  connecting(): void {
    this.#enter('connect', this.#timeouts.connectMs);
  }

  /** The request was handed to an open connection. */
  sent(): void {
    this.#enter('firstToken', this.#timeouts.firstTokenMs);
  }

  /** A piece of text, reasoning or tool call came. */
  alive(): void {
    if (this.#phase === 'idle') this.#sinceMs = this.#clock.now();
    else this.#enter('idle', this.#timeouts.idleMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #enter(phase: WatchdogPhase, boundMs: number): void {
    if (this.#stopped) return;
    this.#phase = phase;
    this.#boundMs = boundMs;
    this.#sinceMs = this.#clock.now();
    // Only an earlier deadline needs the timer moved; a later one is found when it fires.
    if (this.#deadlineMs() < this.#armedForMs) this.#arm(this.#sinceMs);
  }

  #deadlineMs(): number {
    return Math.min(this.#sinceMs + this.#boundMs, this.#totalDeadlineMs);
  }

  #arm(nowMs: number, leastDelayMs = 1): void {
    this.#timer?.cancel();
    const delayMs = Math.min(Math.max(Math.ceil(this.#deadlineMs() - nowMs), leastDelayMs), longestDelayMs);
    this.#armedForMs = nowMs + delayMs;
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    const nowMs = this.#clock.now();
    if (nowMs < this.#deadlineMs()) {
      this.#graceGiven = false;
      this.#arm(nowMs);
    } else if (!this.#graceGiven && nowMs - this.#armedForMs > lateTimerMs) {
      this.#graceGiven = true;
      this.#arm(nowMs, graceMs);
    } else {
      this.stop();
      if (nowMs >= this.#totalDeadlineMs) this.#onExpire('total', this.#timeouts.totalMs);
      else this.#onExpire(this.#phase, this.#boundMs);
    }
  }
}
