import type { ClientClock } from './environment.ts';

/** Real time, through globals that browsers and servers share. */
export const systemClock: ClientClock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
