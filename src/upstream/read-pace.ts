import type { Clock } from '../lib/clock.ts';

/** Lets answers gather while the process is busy. */
export interface ReadPace {
  /** Calls `read` a little later; answers false where the process has time, and nothing is to wait. */
  defer(read: () => void): boolean;
}

export interface ReadPaceOptions {
  /** Longest wait, milliseconds; 0: nothing ever waits. */
  maxWaitMs: number;
  /** Share of the time since the last call, 0 to 1, in which the event loop was busy. */
  busyShare(): number;
  clock: Pick<Clock, 'now' | 'setTimer'>;
}

/** The loop is asked this often at most, milliseconds. */
const sampleMs = 250;
/** From this share on answers gather for longer; below the lower one for less, so that the saving does not undo itself. */
const busy = 0.9;
const idle = 0.85;
/** What is due within this is read together, milliseconds. */
const togetherMs = 1;

/**
 * As long as the process has time, every token goes its way at once. When it has not, what came of an answer in up to
 * `maxWaitMs` is parsed, counted, logged and sent in one go: a frame costs nearly the same with one token as with five.
 */
export function createReadPace({ maxWaitMs, busyShare, clock }: ReadPaceOptions): ReadPace {
  let waitMs = 0;
  let sampledMs = clock.now();
  /** In the order in which they are due; from `first` on. */
  let waiting: { read: () => void; dueMs: number }[] = [];
  let first = 0;
  if (maxWaitMs > 0) busyShare();

  function sample(nowMs: number): void {
    sampledMs = nowMs;
    const share = busyShare();
    if (share >= busy) waitMs = Math.min(maxWaitMs, waitMs === 0 ? maxWaitMs / 4 : waitMs * 2);
    else if (share < idle) waitMs = waitMs <= maxWaitMs / 4 ? 0 : waitMs / 2;
  }

  function readDue(): void {
    const untilMs = clock.now() + togetherMs;
    while (first < waiting.length && waiting[first]!.dueMs <= untilMs) waiting[first++]!.read();
    if (first === waiting.length) {
      waiting = [];
      first = 0;
      return;
    }
    if (first > 1_000) {
      waiting = waiting.slice(first);
      first = 0;
    }
    clock.setTimer(readDue, Math.max(1, waiting[first]!.dueMs - clock.now()));
  }

  return {
    defer(read) {
      if (maxWaitMs === 0) return false;
      const nowMs = clock.now();
      if (nowMs - sampledMs >= sampleMs) sample(nowMs);
      if (waitMs === 0) return false;
      // never before what waits already, for it may wait for longer
      const dueMs = Math.max(nowMs + waitMs, waiting.at(-1)?.dueMs ?? 0);
      waiting.push({ read, dueMs });
      if (waiting.length === 1) clock.setTimer(readDue, waitMs);
      return true;
    },
  };
}
