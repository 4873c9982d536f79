import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Key, open, type RangeOptions, type RootDatabase } from 'lmdb';
import { writeKey } from 'ordered-binary';
import { StoreError } from '../store-error.ts';
import { Journal, readJournal, type Write } from './journal.ts';
import { addressOf, PendingWrites } from './pending-writes.ts';

/** As the keys of `keys.ts`: what it is a key of, then strings and numbers. */
export type DatabaseKey = readonly [kind: string, ...rest: (string | number | Uint8Array)[]];

export interface KeyRange {
  /** In the range, unlike `end`; in reverse it goes down from here. */
  start: DatabaseKey;
  end: DatabaseKey;
  limit?: number;
  offset?: number;
  reverse?: boolean;
  exclusiveStart?: boolean;
}

export interface JournaledDatabaseOptions {
  /** Holds `sessions` for LMDB, and `journal`. */
  directory: string;
  /** `process` survives `kill -9`; `disk` waits for the disk and survives a power cut. */
  durability: 'process' | 'disk';
  /** LMDB could not be written, such as where the disk is full; it is tried again, and told again after a while. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

type Entry = { key: Key; value?: string };
type Found = { key: DatabaseKey; value?: string | undefined };

/** Whatever was written meanwhile goes to LMDB together, and of several values of a key the last; milliseconds. */
const gatherMs = 50;
/** After LMDB could not be written. */
const retryMs = 1_000;
/** Between two times that this is told, milliseconds. */
const tellMs = 60_000;
/** More may not wait for LMDB. */
const maxWaiting = 200_000;
/** Longest key, bytes (https://github.com/kriszyp/lmdb-js#keys). */
const maxKeyBytes = 1_978;
/** How far the journal is in the database. */
const appliedKey: DatabaseKey = ['journal-applied'];

const keyBytes = Buffer.alloc(8 * maxKeyBytes);

/**
 * LMDB (https://github.com/kriszyp/lmdb-js) behind a journal. A transaction is run at once and is durable with one append to the
 * journal; LMDB, whose commits take two changes of thread and a flush, gets what gathered in the background. Reads see what
 * waits. Everything is done on one thread, so transactions are one after another by nature.
 */
export class JournaledDatabase {
  readonly #lmdb: RootDatabase<string>;
  readonly #journal: Journal;
  readonly #durability: JournaledDatabaseOptions['durability'];
  readonly #onTrouble: JournaledDatabaseOptions['onTrouble'];
  #toldMs = Number.NEGATIVE_INFINITY;
  /** Of the transaction that runs. */
  #transaction: PendingWrites | undefined;
  #waiting = new PendingWrites();
  #waitingCount = 0;
  /** On their way to LMDB. */
  #underway = new PendingWrites();
  #draining: Promise<void> | undefined;
  #isClosing = false;
  #endPause: () => void = () => {};

  constructor({ directory, durability, onTrouble }: JournaledDatabaseOptions) {
    this.#durability = durability;
    this.#onTrouble = onTrouble;
    const journalDirectory = join(directory, 'journal');
    mkdirSync(journalDirectory, { recursive: true });
    this.#lmdb = open<string>({
      path: join(directory, 'sessions'),
      encoding: 'string',
      keyEncoding: 'ordered-binary',
      maxDbs: 1,
      // of the batches that it makes by itself nobody gets the promise, and a failure that nobody sees ends the process
      eventTurnBatching: false,
    });
    const { writes, sequence } = readJournal(journalDirectory, this.#appliedSequence());
    // on the disk before the journal goes, also what the earlier process had only committed
    this.#lmdb.transactionSync(() => {
      for (const write of writes) this.#apply(write);
      this.#apply([appliedKey, String(sequence)]);
    });
    this.#journal = new Journal(journalDirectory, sequence);
  }

  get(key: DatabaseKey): unknown {
    const address = addressOf(key);
    const write = this.#transaction?.get(address) ?? this.#waiting.get(address) ?? this.#underway.get(address);
    const json = write === undefined ? this.#lmdb.get(key as unknown as Key) : write[1];
    return json === undefined ? undefined : JSON.parse(json);
  }

  /** In a transaction. */
  put(key: DatabaseKey, value: string | number | object): void {
    this.#write([key, JSON.stringify(value)]);
  }

  /** In a transaction. */
  remove(key: DatabaseKey): void {
    this.#write([key, undefined]);
  }

  getRange(range: KeyRange): { key: DatabaseKey; value: unknown }[] {
    const entries = (bounds: RangeOptions): Iterable<Entry> => this.#lmdb.getRange(bounds);
    return this.#find(range, entries).map(({ key, value }) => ({ key, value: JSON.parse(value!) as unknown }));
  }

  getKeys(range: KeyRange): DatabaseKey[] {
    const entries = (bounds: RangeOptions): Iterable<Entry> => this.#lmdb.getKeys(bounds).map((key) => ({ key }));
    return this.#find(range, entries).map(({ key }) => key);
  }

  /** As many as `getKeys` finds, without reading them; the whole of a range alone. */
  countKeys(range: Pick<KeyRange, 'start' | 'end'>): number {
    let count = this.#lmdb.getKeysCount({ start: range.start as unknown as Key, end: range.end as unknown as Key });
    for (const [key, json] of this.#newerIn(range).values()) {
      const wasThere = this.#lmdb.doesExist(key as unknown as Key);
      if (wasThere !== (json !== undefined)) count += wasThere ? -1 : 1;
    }
    return count;
  }

  /** Runs `action` as one transaction, all or nothing. Throws what it throws, and where it cannot be written. */
  transaction<Result>(action: () => Result): Result {
    if (this.#transaction !== undefined) throw new Error('a transaction runs already');
    const writes = new PendingWrites();
    this.#transaction = writes;
    let result: Result;
    try {
      result = action();
    } finally {
      this.#transaction = undefined;
    }
    const all = [...writes];
    if (all.length === 0) return result;
    if (this.#waitingCount > maxWaiting) throw new Error('LMDB has not taken what was written for too long');
    this.#journal.append(all);
    this.#waitingCount += all.length;
    this.#waiting.add(writes);
    this.#draining ??= this.#drain();
    return result;
  }

  /** A transaction that is as durable as it is to be when this resolves. Throws `StoreError`. */
  async commit<Result>(action: () => Result): Promise<Result> {
    try {
      const result = this.transaction(action);
      if (this.#durability === 'disk') await this.#journal.flushToDisk();
      return result;
    } catch (error) {
      throw new StoreError('The embedded store could not be written.', error);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#endPause();
    await this.#draining;
    // what LMDB did not take is in the journal; it would wait for ever for the flush of a write that failed
    if (this.#waitingCount === 0) {
      await this.#lmdb.flushed;
      await this.#lmdb.close();
    }
    this.#journal.close();
  }

  #write(write: Write): void {
    if (this.#transaction === undefined) throw new Error('no transaction runs');
    const address = addressOf(write[0]);
    if (Buffer.byteLength(address.id) > maxKeyBytes) throw new Error('a key is too long');
    this.#transaction.set(address, write);
  }

  /** What LMDB has in a range, with what was written since in its place. */
  #find(range: KeyRange, entriesOf: (bounds: RangeOptions) => Iterable<Entry>): Found[] {
    const { start, end, limit, offset = 0, reverse = false } = range;
    const isInside = insideOf(range);
    const inOrder = (a: string, b: string): number => (a < b === reverse ? 1 : -1);
    const sorted = [...this.#newerIn(range)].sort(([a], [b]) => inOrder(a, b));
    const found: Found[] = [];
    const last = offset + (limit ?? Number.POSITIVE_INFINITY);
    let count = 0;
    const take = (key: DatabaseKey, value?: string): void => {
      if (count >= offset && count < last) found.push({ key, value });
      count++;
    };
    let next = 0;
    const takeNewer = (isDue: (place: string) => boolean): void => {
      for (; next < sorted.length && isDue(sorted[next]![0]); next++) {
        const [key, value] = sorted[next]![1];
        if (value !== undefined) take(key as DatabaseKey, value);
      }
    };
    const bounds = { start: start as unknown as Key, end: end as unknown as Key, reverse };
    for (const { key, value } of entriesOf(bounds)) {
      const place = placeOf(key as unknown as DatabaseKey);
      if (!isInside(place)) continue;
      takeNewer((due) => due !== place && inOrder(due, place) < 0);
      if (count >= last) return found;
      if (sorted[next]?.[0] === place) takeNewer((due) => due === place);
      else take(key as unknown as DatabaseKey, value);
    }
    takeNewer(() => true);
    return found;
  }

  /** What was written in a range and may not be in LMDB, by its place: of several of a key the newest. */
  #newerIn(range: KeyRange): Map<string, Write> {
    const isInside = insideOf(range);
    const newer = new Map<string, Write>();
    for (const writes of [this.#underway, this.#waiting, this.#transaction])
      for (const write of writes?.near(range.start, range.end) ?? []) {
        const place = placeOf(write[0]);
        if (isInside(place)) newer.set(place, write);
      }
    return newer;
  }

  /** Brings what waits into LMDB until nothing does. Never rejects. */
  async #drain(): Promise<void> {
    while (this.#waitingCount > 0) {
      await this.#pause(gatherMs);
      const sequence = this.#journal.sequence;
      this.#underway = this.#waiting;
      this.#waiting = new PendingWrites();
      const count = this.#waitingCount;
      this.#waitingCount = 0;
      try {
        await this.#lmdb.batch(() => {
          for (const write of this.#underway) this.#apply(write);
          this.#apply([appliedKey, String(sequence)]);
        });
        // reads of this turn of the event loop would otherwise see what was there before
        this.#lmdb.resetReadTxn();
        this.#underway = new PendingWrites();
        await this.#lmdb.flushed;
        this.#journal.applied(sequence);
      } catch (error) {
        this.#tellTrouble(error);
        // it is in the journal, and tried again with what came since
        this.#underway.add(this.#waiting);
        this.#waiting = this.#underway;
        this.#underway = new PendingWrites();
        this.#waitingCount += count;
        if (this.#isClosing) break;
        await this.#pause(retryMs);
      }
    }
    this.#draining = undefined;
  }

  #apply([key, json]: Write): void {
    if (json === undefined) void this.#lmdb.remove(key as unknown as Key);
    else void this.#lmdb.put(key as unknown as Key, json);
  }

  #tellTrouble(error: unknown): void {
    const nowMs = performance.now();
    const isTold = nowMs - this.#toldMs >= tellMs;
    if (isTold) this.#toldMs = nowMs;
    const tell = (trouble: unknown): void => void (isTold && this.#onTrouble?.(trouble));
    // LMDB's error has its cause as a promise, which is to be looked at: one that is rejected unseen ends the process
    const { commitError } = error as { commitError?: Promise<unknown> };
    if (commitError === undefined) tell(error);
    else commitError.catch(tell);
  }

  #appliedSequence(): number {
    return Number(this.#lmdb.get(appliedKey as unknown as Key) ?? 0);
  }

  /** A close does not wait for it. */
  #pause(ms: number): Promise<void> {
    if (this.#isClosing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The bytes of a key in LMDB, one character each, which compare as LMDB compares. */
function placeOf(key: readonly unknown[]): string {
  return keyBytes.toString('latin1', 0, writeKey(key as unknown as Parameters<typeof writeKey>[0], keyBytes, 0));
}

/** As LMDB: the start is in a range, its end is not; in reverse it goes down from the start. */
function insideOf({
  start: from,
  end: to,
  reverse = false,
  exclusiveStart = false,
}: KeyRange): (place: string) => boolean {
  const [start, end] = [placeOf(from), placeOf(to)];
  const isBetween = (place: string): boolean =>
    reverse ? place <= start && place > end : place >= start && place < end;
  return (place) => isBetween(place) && !(exclusiveStart && place === start);
}
