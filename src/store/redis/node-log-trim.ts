import type { LogEvent } from '../../session/log-event.ts';
import type { LogBatch, SessionKey } from '../contract.ts';
import type { RedisConnection } from './redis-commands.ts';

/** Between two trims of the log, milliseconds. */
const trimMs = 1_000;

/** Segments of the log before the oldest is copied forward. */
const maxSegments = 4;

export interface NodeLogTrimOptions {
  connection: RedisConnection;
  logKey: string;
  /** Appends what is copied forward; answers its id. */
  append(batches: readonly LogBatch[]): Promise<string>;
  /** What the unfinished turns of a session have said so far, runs of deltas merged. */
  unfinishedEvents(key: SessionKey): LogEvent[];
  /** Size of the parts in which the log is dealt with, bytes of JSON. */
  segmentBytes: number;
}

/**
 * Keeps a node's log short. Entries before the oldest that a running turn needs are cut off; what long turns have said,
 * as far as the oldest segment has part of it, is written again at the end, so that the log stays bounded.
 */
export class NodeLogTrim {
  readonly #options: NodeLogTrimOptions;
  /** Per session with a running turn, no entry before this one has its events; oldest first. */
  readonly #needed = new Map<string, string>();
  /** First entry of each segment, the current one last. */
  #segments: string[] = [];
  #currentBytes = 0;
  #lastId = '0-0';
  #trimmedMs = 0;
  #copying = false;

  constructor(options: NodeLogTrimOptions) {
    this.#options = options;
  }

  appended(id: string, batches: readonly LogBatch[], bytes: number): void {
    this.#lastId = id;
    for (const batch of batches) {
      const name = nameOf(batch);
      if (!this.#needed.has(name)) this.#needed.set(name, id);
    }
    const isFull = this.#currentBytes >= this.#options.segmentBytes;
    if (isFull || this.#segments.length === 0) {
      this.#segments.push(id);
      this.#currentBytes = 0;
    }
    this.#currentBytes += bytes;
    if (isFull) this.#bound();
  }

  /** The session runs no turn any more. */
  settled(key: SessionKey): void {
    this.#needed.delete(nameOf(key));
    if (performance.now() - this.#trimmedMs >= trimMs) this.#trim();
  }

  #trim(): void {
    this.#trimmedMs = performance.now();
    // oldest first, see above
    const [oldest = this.#lastId] = this.#needed.values();
    while (this.#segments.length > 1 && !isBefore(oldest, this.#segments[1]!)) this.#segments.shift();
    this.#options.connection.xtrim(this.#options.logKey, 'MINID', oldest).catch(() => {
      // the next trim makes up for it
    });
  }

  #bound(): void {
    this.#trim();
    if (this.#copying || this.#segments.length <= maxSegments) return;
    this.#copying = true;
    this.#copyForward(this.#segments[1]!)
      .catch(() => {
        // the next segment's end makes up for it
      })
      .finally(() => {
        this.#copying = false;
      });
  }

  /** Afterwards nobody needs what is before `next`. */
  async #copyForward(next: string): Promise<void> {
    const { append, unfinishedEvents } = this.#options;
    const names = [...this.#needed].filter(([, id]) => isBefore(id, next)).map(([name]) => name);
    const batches = names
      .map((name) => ({ ...keyOf(name), events: unfinishedEvents(keyOf(name)) }))
      .filter(({ events }) => events.length > 0);
    const id = batches.length === 0 ? this.#lastId : await append(batches);
    this.#lastId = id;
    this.#currentBytes += JSON.stringify(batches).length;
    // all that they said is there once more, and the newest entry: behind those of all others
    for (const name of names) if (this.#needed.delete(name)) this.#needed.set(name, id);
    this.#trim();
  }
}

function nameOf(key: SessionKey): string {
  return `${key.tenant}\0${key.session}`;
}

function keyOf(name: string): SessionKey {
  const [tenant = '', session = ''] = name.split('\0');
  return { tenant, session };
}

/** Ids are milliseconds and a number, each without leading zeros. */
function isBefore(a: string, b: string): boolean {
  const [aMs = '', aNumber = ''] = a.split('-');
  const [bMs = '', bNumber = ''] = b.split('-');
  return aMs === bMs ? Number(aNumber) < Number(bNumber) : Number(aMs) < Number(bMs);
}
