import type { Clock } from '../lib/clock.ts';

/** An answer of which something waits. */
export interface GatheringReader {
  /** What came meanwhile may come. */
  beforeRead(): void;
  /** Answers how many pieces there were. */
  readGathered(): number;
}

/** Lets answers gather while the process is busy. */
export interface ReadPace {
  /** Has the reader read a little later; answers false where nothing is to wait. */
  defer(reader: GatheringReader): boolean;
}

export interface ReadPaceOptions {
  /** What answers gather for, milliseconds; 0: nothing ever waits. */
  waitMs: number;
  /** Share of the time since the last call, 0 to 1, in which the event loop was busy. */
  busyShare(): number;
  clock: Pick<Clock, 'now' | 'setTimer'>;
  /** Runs an action when everything that sockets have was read. Default: `setImmediate`. */
  afterReads?(action: () => void): void;
}

/** The loop is asked this often at most, milliseconds. */
const sampleMs = 250;
/**
 * From this share on, twice in a row, answers gather, until it falls below the lower one: the saving must not undo itself. A token
 * that gathers takes a third of the time.
 */
const busy = 0.9;
const idle = 0.3;
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
export function createReadPace({ waitMs, busyShare, clock, afterReads = setImmediate }: ReadPaceOptions): ReadPace {
  let isGathering = false;
  let sampledMs = clock.now();
  let wasBusy = false;
  let restsUntilMs = 0;
  /** Since the last sample. */
  let reads = 0;
  let pieces = 0;
  /** In the order in which they are due. */
  let waiting: { reader: GatheringReader; dueMs: number }[] = [];

  function sample(nowMs: number): void {
    sampledMs = nowMs;
    const share = busyShare();
    if (!isGathering) {
      isGathering = wasBusy && share >= busy && nowMs >= restsUntilMs;
    } else if (share < idle) {
      isGathering = false;
    } else if (pieces < worthwhilePieces * reads) {
      isGathering = false;
      restsUntilMs = nowMs + restMs;
    }
    wasBusy = share >= busy;
    reads = 0;
    pieces = 0;
  }

  function readDue(): void {
    const untilMs = clock.now() + togetherMs;
    const firstLater = waiting.findIndex(({ dueMs }) => dueMs > untilMs);
    const due = firstLater === -1 ? waiting : waiting.slice(0, firstLater);
    waiting = firstLater === -1 ? [] : waiting.slice(firstLater);
    if (waiting.length > 0) clock.setTimer(readDue, Math.max(1, waiting[0]!.dueMs - clock.now()));
    for (const { reader } of due) reader.beforeRead();
    afterReads(() => readAll(due));
  }

  /** Whatever becomes of one, the others are read. */
  function readAll(due: readonly { reader: GatheringReader }[]): void {
    const faults: unknown[] = [];
    for (const { reader } of due) {
      try {
        const had = reader.readGathered();
        if (had === 0) continue;
        reads++;
        pieces += had;
      } catch (fault) {
        faults.push(fault);
      }
    }
    if (faults.length > 0) throw faults[0];
  }

  return {
    defer(reader) {
      if (waitMs === 0) return false;
      const nowMs = clock.now();
      if (nowMs - sampledMs >= sampleMs) sample(nowMs);
      if (!isGathering) return false;
      waiting.push({ reader, dueMs: nowMs + waitMs });
      if (waiting.length === 1) clock.setTimer(readDue, waitMs);
      return true;
    },
  };
}
