import { rmSync } from 'node:fs';
import { LogFile, readRecords, segmentPath, segmentsIn } from './log-file.ts';

/** A key as the database has it, and its value as JSON; undefined: it is removed. */
export type Write = readonly [key: readonly unknown[], json: string | undefined];

/** Its number, then keys, each with a value unless it is removed. */
type JournalRecord = [sequence: number, ...writes: ([key: unknown[]] | [key: unknown[], value: unknown])[]];

/** A segment that has grown to this is followed by a new one. */
const segmentBytes = 16 * 1024 * 1024;

/**
 * What was committed and may not be in the database: a record per transaction, numbered without a gap, in segments of one
 * append-only sequence.
 */
export class Journal {
  readonly #directory: string;
  /** `last`: the newest record of a segment that is followed by another. */
  #segments: { number: number; file: LogFile; last: number }[] = [];
  #sequence: number;

  /** Begins anew behind `applied`: what an earlier process left must be in the database by now. */
  constructor(directory: string, applied: number) {
    this.#directory = directory;
    this.#sequence = applied;
    for (const number of segmentsIn(directory)) rmSync(segmentPath(directory, number), { force: true });
    this.#open(1);
  }

  /** Of the newest record. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Throws where it cannot be written, and then it is as before. */
  append(writes: readonly Write[]): void {
    const parts = writes.map(([key, json]) => `[${JSON.stringify(key)}${json === undefined ? '' : `,${json}`}]`);
    const { file, number } = this.#current;
    if (file.sizeBytes >= segmentBytes) {
      this.#open(number + 1);
      this.#segments.at(-2)!.last = this.#sequence;
    }
    this.#current.file.append(`[${this.#sequence + 1},${parts.join(',')}]`);
    this.#sequence++;
  }

  flushToDisk(): Promise<void> {
    return this.#current.file.flushToDisk();
  }

  /** Everything up to this record is in the database and on the disk. */
  applied(sequence: number): void {
    while (this.#segments.length > 1 && this.#segments[0]!.last <= sequence) {
      const { file } = this.#segments.shift()!;
      file.close();
      rmSync(file.path, { force: true });
    }
    if (sequence === this.#sequence) this.#current.file.truncate();
  }

  close(): void {
    for (const { file } of this.#segments) file.close();
  }

  get #current(): { number: number; file: LogFile; last: number } {
    return this.#segments.at(-1)!;
  }

  #open(number: number): void {
    this.#segments.push({ number, file: new LogFile(segmentPath(this.#directory, number)), last: 0 });
  }
}

/** The records of an earlier process behind `applied`, in their order, up to the first that is damaged or missing. */
export function readJournal(directory: string, applied: number): { writes: Write[]; sequence: number } {
  const writes: Write[] = [];
  let sequence = applied;
  for (const number of segmentsIn(directory)) {
    for (const payload of readRecords(segmentPath(directory, number)).payloads) {
      const [found, ...those] = JSON.parse(payload.toString('utf8')) as JournalRecord;
      // a file that a power cut brought back begins with what is in the database
      if (found <= applied) continue;
      if (found !== sequence + 1) return { writes, sequence };
      sequence = found;
      for (const [key, value] of those) writes.push([key, value === undefined ? undefined : JSON.stringify(value)]);
    }
  }
  return { writes, sequence };
}
