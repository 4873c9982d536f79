import type { Clock } from '../lib/clock.ts';

/** Lets answers gather while the process is busy. */
export interface ReadPace {
  /** Calls `read`, which answers how many pieces it had, a little later; answers false where nothing is to wait. */
  defer(read: () => number): boolean;
}

export interface ReadPaceOptions {
  /** What answers gather for, milliseconds; 0: nothing ever waits. */
  waitMs: number;
  /** Share of the time since the last call, 0 to 1, in which the event loop was busy. */
  busyShare(): number;
  clock: Pick<Clock, 'now' | 'setTimer'>;
}

/** The loop is asked this often at most, milliseconds. */
const sampleMs = 250;
/** From this share on answers gather, until it falls below the lower one: the saving must not undo itself. */
const busy = 0.9;
const idle = 0.6;
/** With fewer pieces at a time there is little saved, and all are late. */
const worthwhilePieces = 3;
/** Then nothing gathers for this long, milliseconds: what trying costs is less than one in a hundred tokens. */
const restMs = 30_000;
/** What is due within this is read together, milliseconds. */
const togetherMs = 1;

/**
 * As long as the process has time, every token goes its way at once. When it has not, what came of an answer in `waitMs` is parsed,
 * counted, logged and sent in one go: a frame costs nearly the same with one token as with five. Whether several come in that time
 * is tried.
 */
export function createReadPace({ waitMs, busyShare, clock }: ReadPaceOptions): ReadPace {
  let isGathering = false;
  let sampledMs = clock.now();
  let restsUntilMs = 0;
  /** Since the last sample. */
  let reads = 0;
  let pieces = 0;
  /** In the order in which they are due. */
  let waiting: { read: () => number; dueMs: number }[] = [];

  function sample(nowMs: number): void {
    sampledMs = nowMs;
    const share = busyShare();
    if (!isGathering) {
      isGathering = share >= busy && nowMs >= restsUntilMs;
    } else if (share < idle) {
      isGathering = false;
    } else if (pieces < worthwhilePieces * reads) {
      isGathering = false;
      restsUntilMs = nowMs + restMs;
    }
    reads = 0;
    pieces = 0;
  }

  function readDue(): void {
    const untilMs = clock.now() + togetherMs;
    let next = 0;
    try {
      while (next < waiting.length && waiting[next]!.dueMs <= untilMs) {
        const had = waiting[next++]!.read();
        if (had === 0) continue;
        reads++;
        pieces += had;
      }
    } finally {
      // whatever became of one, the others are read
      waiting = waiting.slice(next);
      if (waiting.length > 0) clock.setTimer(readDue, Math.max(1, waiting[0]!.dueMs - clock.now()));
    }
  }

  return {
    defer(read) {
      if (waitMs === 0) return false;
      const nowMs = clock.now();
      if (nowMs - sampledMs >= sampleMs) sample(nowMs);
      if (!isGathering) return false;
      waiting.push({ read, dueMs: nowMs + waitMs });
      if (waiting.length === 1) clock.setTimer(readDue, waitMs);
      return true;
    },
  };
}
