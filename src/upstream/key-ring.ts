import type { Clock } from '../lib/clock.ts';

/** A key that was refused is tried again after this long, milliseconds: it may have been put right at the provider. */
const refusedMs = 60_000;
/** A key that reached its limit and said nothing of when it may be used again rests this long, milliseconds. */
const limitedMs = 5_000;

/** The keys of one upstream. */
export interface KeyRing {
  /** The key for a request: in turn, those that rest left out; the one that rests the shortest where all do. */
  next(): string | undefined;
  /** What became of a request with this key. */
  limited(key: string | undefined, retryAfterMs: number | undefined): void;
  refused(key: string | undefined): void;
}

/** Several keys take turns, so that their limits add up; one that is limited or refused rests. */
export function createKeyRing(keys: readonly string[], clock: Clock): KeyRing {
  const restUntilMs = new Map<string, number>();
  let last = -1;

  function rest(key: string | undefined, forMs: number): void {
    if (key !== undefined && keys.length > 1) restUntilMs.set(key, clock.now() + forMs);
  }

  return {
    next() {
      if (keys.length < 2) return keys[0];
      const nowMs = clock.now();
      let best = (last + 1) % keys.length;
      for (let i = 1; i <= keys.length; i++) {
        const at = (last + i) % keys.length;
        const untilMs = restUntilMs.get(keys[at]!) ?? 0;
        if (untilMs <= nowMs) {
          best = at;
          break;
        }
        if (untilMs < (restUntilMs.get(keys[best]!) ?? 0)) best = at;
      }
      last = best;
      return keys[best];
    },
    limited: (key, retryAfterMs) => rest(key, retryAfterMs ?? limitedMs),
    refused: (key) => rest(key, refusedMs),
  };
}
