import { mkdirSync, rmSync } from 'node:fs';
import type { LogEvent } from '../../session/log-event.ts';
import type { LogBatch, SessionKey } from '../contract.ts';
import { eventsJson, textJson } from '../events-json.ts';
import { LogFile, readRecords, segmentPath, segmentsIn } from './log-file.ts';

export interface NodeLogOptions {
  directory: string;
  /** A segment that has grown to this is followed by a new one. */
  segmentBytes: number;
  /** `disk` waits for the disk on every append (survives a power cut), `process` for the operating system (survives `kill -9`). */
  durability: 'process' | 'disk';
}

/** One session's events in a record: tenant, session, events. */
type RecordItem = [string, string, LogEvent[]];

/**
 * The write-ahead log of all running turns: segments of one append-only sequence. A segment goes when no session that
 * has events in it is running a turn any more; a session that keeps an old one alive is copied forward.
 */
export class NodeLog {
  readonly #options: NodeLogOptions;
  #segments: { number: number; file: LogFile }[] = [];
  /** Oldest segment that a running session needs. */
  readonly #oldestNeeded = new Map<string, number>();
  readonly #recovered: Map<string, LogEvent[]>;

  constructor(options: NodeLogOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    const numbers = segmentsIn(options.directory);
    this.#recovered = readEvents(numbers.map((number) => this.#pathOf(number)));
    for (const number of numbers) this.#segments.push({ number, file: new LogFile(this.#pathOf(number)) });
    for (const key of this.#recovered.keys()) this.#oldestNeeded.set(key, numbers[0] ?? 1);
    if (this.#segments.length === 0) this.#open(1);
  }

  /** Events that an earlier process left here. */
  recoveredEvents(key: SessionKey): LogEvent[] {
    return this.#recovered.get(keyOf(key)) ?? [];
  }

  recoveredSessions(): SessionKey[] {
    return [...this.#recovered.keys()].map((name) => {
      const [tenant = '', session = ''] = name.split('\0');
      return { tenant, session };
    });
  }

  /** What an earlier process left is this one's from now on: written again, so that it is dropped with the rest. */
  adopt(batch: LogBatch): Promise<void> | undefined {
    this.#recovered.delete(keyOf(batch));
    this.#oldestNeeded.set(keyOf(batch), this.#current.number);
    return this.append([batch]);
  }

  append(batches: readonly LogBatch[]): Promise<void> | undefined {
    let json = '[';
    const current = this.#current;
    for (const batch of batches) {
      const key = keyOf(batch);
      if (!this.#oldestNeeded.has(key)) this.#oldestNeeded.set(key, current.number);
      if (json.length > 1) json += ',';
      json += `[${textJson(batch.tenant)},${textJson(batch.session)},${eventsJson(batch.events)}]`;
    }
    current.file.append(`${json}]`);
    if (current.file.sizeBytes >= this.#options.segmentBytes) this.#rotate();
    return this.#options.durability === 'disk' ? current.file.flushToDisk() : undefined;
  }

  /** The session runs no turn any more; its events are in the store. */
  release(key: SessionKey): void {
    this.#oldestNeeded.delete(keyOf(key));
    this.#recovered.delete(keyOf(key));
    if (this.#oldestNeeded.size === 0 && this.#current.file.sizeBytes > this.#options.segmentBytes / 16) {
      this.#current.file.truncate();
    }
    if (this.#segments.length > 1) this.#dropUnneeded();
  }

  close(): void {
    for (const { file } of this.#segments) file.close();
    if (this.#oldestNeeded.size === 0) for (const { file } of this.#segments) rmSync(file.path, { force: true });
    this.#segments = [];
  }

  get #current(): { number: number; file: LogFile } {
    return this.#segments.at(-1)!;
  }

  #pathOf(number: number): string {
    return segmentPath(this.#options.directory, number);
  }

  #open(number: number): void {
    this.#segments.push({ number, file: new LogFile(this.#pathOf(number)) });
  }

  #rotate(): void {
    this.#open(this.#current.number + 1);
    this.#dropUnneeded();
    if (this.#segments.length > 4) this.#copyForward();
  }

  #dropUnneeded(): void {
    let oldest = this.#current.number;
    for (const number of this.#oldestNeeded.values()) oldest = Math.min(oldest, number);
    while (this.#segments.length > 1 && this.#segments[0]!.number < oldest) this.#dropOldest();
  }

  #dropOldest(): void {
    const { file } = this.#segments.shift()!;
    file.close();
    rmSync(file.path, { force: true });
  }

  /** Repeats in the newest segment what the oldest holds of running sessions, so that the log stays bounded. */
  #copyForward(): void {
    const oldest = this.#segments[0]!;
    const next = this.#segments[1]!;
    for (const payload of readRecords(oldest.file.path).payloads) {
      const needed = itemsOf(payload).filter(
        ([tenant, session]) => this.#oldestNeeded.get(keyOf({ tenant, session })) === oldest.number,
      );
      if (needed.length > 0) this.#current.file.append(JSON.stringify(needed));
    }
    for (const [key, number] of this.#oldestNeeded)
      if (number === oldest.number) this.#oldestNeeded.set(key, next.number);
    this.#dropOldest();
  }
}

function readEvents(paths: string[]): Map<string, LogEvent[]> {
  const events = new Map<string, LogEvent[]>();
  for (const path of paths) {
    for (const payload of readRecords(path).payloads) {
      for (const [tenant, session, batch] of itemsOf(payload)) {
        const key = keyOf({ tenant, session });
        const known = events.get(key);
        if (known === undefined) events.set(key, [...batch]);
        else for (const event of batch) known.push(event);
      }
    }
  }
  return events;
}

function itemsOf(payload: Buffer): RecordItem[] {
  return JSON.parse(payload.toString('utf8')) as RecordItem[];
}

function keyOf(key: SessionKey): string {
  return `${key.tenant}\0${key.session}`;
}
