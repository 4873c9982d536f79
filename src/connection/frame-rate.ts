import type { Clock } from '../lib/clock.ts';

/** So many seconds' worth of frames may come at once. */
const burstSeconds = 4;
/** Frames beyond the rate that are answered in a second; the others are dropped in silence. */
const answersPerSecond = 10;
/** A socket that goes on for this many bursts without a pause is closed. */
const patienceBursts = 2;

/** How many frames a socket may send: a bucket that fills evenly. */
export class FrameRate {
  readonly #clock: Clock;
  #perSecond: number;
  #left: number;
  #filledMs: number;
  /** Since the bucket was last half full. */
  #refused = 0;
  #answered = 0;
  #answeredSinceMs = 0;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#left = perSecond * burstSeconds;
    this.#filledMs = clock.now();
  }

  set perSecond(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = Math.min(this.#left, perSecond * burstSeconds);
  }

  /** What becomes of a frame that comes now. */
  take(): 'taken' | 'answered' | 'dropped' | 'closed' {
    const nowMs = this.#clock.now();
    const burst = Math.max(1, this.#perSecond * burstSeconds);
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#filledMs) / 1_000) * this.#perSecond);
    this.#filledMs = nowMs;
    if (this.#left >= burst / 2) this.#refused = 0;
    if (this.#left >= 1) {
      this.#left--;
      return 'taken';
    }
    if (++this.#refused > burst * patienceBursts) return 'closed';
    if (nowMs - this.#answeredSinceMs >= 1_000) {
      this.#answered = 0;
      this.#answeredSinceMs = nowMs;
    }
    return this.#answered++ < answersPerSecond ? 'answered' : 'dropped';
  }
}
