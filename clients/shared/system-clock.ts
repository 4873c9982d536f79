import type { ClientClock } from './environment.ts';

/** A longer delay would overflow the platform's timers and fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Real time, through globals that browsers and servers share. */
export const systemClock: ClientClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, Math.min(delayMs, longestTimerMs));
    return { cancel: () => clearTimeout(handle) };
  },
};
