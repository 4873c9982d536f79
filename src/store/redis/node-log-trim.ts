import type { LogEvent } from '../../session/log-event.ts';
import { endOf, mergeEvents } from '../../session/log-event.ts';
import { startingAt } from '../contiguous-events.ts';
import type { LogBatch, SessionKey } from '../contract.ts';
import type { RedisConnection } from './redis-commands.ts';

/** Between two trims of the log, milliseconds. */
const trimMs = 1_000;

/** Segments of the log before the oldest is copied forward. */
const maxSegments = 4;

/** Log entries read at once. */
const pageEntries = 500;

export interface NodeLogTrimOptions {
  connection: RedisConnection;
  logKey: string;
  /** Appends what is copied forward; answers its id. */
  append(batches: readonly LogBatch[]): Promise<string>;
  /** Size of the parts in which the log is dealt with, bytes of JSON. */
  segmentBytes: number;
}

/**
 * Keeps a node's log short. Entries before the oldest that a running turn needs are cut off; what a long turn needs of
 * the oldest segment is written again at the end, its runs of deltas merged, so that the log stays bounded.
 */
export class NodeLogTrim {
  readonly #options: NodeLogTrimOptions;
  /** Per session with a running turn, no entry before this one has its events; oldest first. */
  readonly #needed = new Map<string, string>();
  /** Turns that ended in sessions that go on: nobody needs their events any more. */
  readonly #ended = new Map<string, Set<string>>();
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

  /** One turn is over; `isLast`: the session runs none any more. */
  ended(key: SessionKey, turn: string, isLast: boolean): void {
    const name = nameOf(key);
    if (!isLast) {
      const known = this.#ended.get(name);
      if (known === undefined) this.#ended.set(name, new Set([turn]));
      else known.add(turn);
      return;
    }
    this.#needed.delete(name);
    this.#ended.delete(name);
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
    this.#copyForward(this.#segments[0]!, this.#segments[1]!)
      .catch(() => {
        // the next segment's end makes up for it
      })
      .finally(() => {
        this.#copying = false;
      });
  }

  async #copyForward(first: string, next: string): Promise<void> {
    const { append } = this.#options;
    const batches = await this.#read(first, next);
    if (batches.length > 0) {
      const id = await append(batches);
      this.#lastId = id;
      this.#currentBytes += JSON.stringify(batches).length;
    }
    // those keep their place: none in the map was needed from further back
    for (const [name, id] of this.#needed) if (isBefore(id, next)) this.#needed.set(name, next);
    this.#trim();
  }

  /** What running turns have in the entries from `first` to before `next`. */
  async #read(first: string, next: string): Promise<LogBatch[]> {
    const { connection, logKey } = this.#options;
    const bySession = new Map<string, { key: SessionKey; events: LogEvent[] }>();
    for (let from = first; ; ) {
      const rows = (await connection.xrange(logKey, from, `(${next}`, 'COUNT', pageEntries)) as [string, string[]][];
      for (const [, fields] of rows) {
        for (const { tenant, session, events } of JSON.parse(fields[1]!) as LogBatch[]) {
          const name = nameOf({ tenant, session });
          if (!this.#needed.has(name)) continue;
          const running = events.filter((event) => this.#ended.get(name)?.has(event.turn) !== true);
          const known = bySession.get(name);
          if (known === undefined) bySession.set(name, { key: { tenant, session }, events: running });
          else for (const event of running) known.events.push(event);
        }
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageEntries) break;
      from = `(${last[0]}`;
    }
    return [...bySession.values()]
      .filter(({ events }) => events.length > 0)
      .map(({ key, events }) => ({ ...key, events: mergeEvents(eachOnce(events)) }));
  }
}

function nameOf(key: SessionKey): string {
  return `${key.tenant}\0${key.session}`;
}

/** In log order, without what a repeated append wrote again: a run that was merged over a repeat would not fit its neighbours. */
function eachOnce(events: readonly LogEvent[]): LogEvent[] {
  const kept: LogEvent[] = [];
  let reached = 0;
  for (const event of [...events].sort((a, b) => a.pos - b.pos || endOf(b) - endOf(a))) {
    if (endOf(event) <= reached) continue;
    kept.push(startingAt(event, reached));
    reached = endOf(event);
  }
  return kept;
}

/** Ids are milliseconds and a number, each without leading zeros. */
function isBefore(a: string, b: string): boolean {
  const [aMs = '', aNumber = ''] = a.split('-');
  const [bMs = '', bNumber = ''] = b.split('-');
  return aMs === bMs ? Number(aNumber) < Number(bNumber) : Number(aMs) < Number(bMs);
}
