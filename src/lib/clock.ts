import { performance } from 'node:perf_hooks';

export interface Timer {
  cancel(): void;
}

/** Time as a dependency, so that tests replay races. */
export interface Clock {
  /** Monotonic milliseconds, for durations and deadlines. */
  now(): number;
  /** Milliseconds since 1970, for display and credential expiry alone. */
  wall(): number;
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** `setTimeout` fires at once for more than this, about 25 days. */
const maxDelayMs = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, Math.min(delayMs, maxDelayMs));
    return { cancel: () => clearTimeout(handle) };
  },
};
