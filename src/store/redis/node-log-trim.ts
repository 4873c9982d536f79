import type { LogBatch, SessionKey } from '../contract.ts';
import type { RedisConnection } from './redis-commands.ts';

/** Between two trims of the log, milliseconds. */
const trimMs = 1_000;

/** Keeps a node's log as short as its running turns allow: entries before the oldest that one of them needs are cut off. */
export class NodeLogTrim {
  readonly #connection: RedisConnection;
  readonly #key: string;
  /** Per session with a running turn, the first log entry with its events. */
  readonly #needed = new Map<string, string>();
  #lastId = '0-0';
  #trimmedMs = 0;

  constructor(connection: RedisConnection, key: string) {
    this.#connection = connection;
    this.#key = key;
  }

  appended(id: string, batches: readonly LogBatch[]): void {
    this.#lastId = id;
    for (const batch of batches) {
      const name = nameOf(batch);
      if (!this.#needed.has(name)) this.#needed.set(name, id);
    }
  }

  /** The session runs no turn any more. */
  settled(key: SessionKey): void {
    this.#needed.delete(nameOf(key));
    const nowMs = performance.now();
    if (nowMs - this.#trimmedMs < trimMs) return;
    this.#trimmedMs = nowMs;
    // ids are inserted in order, so the first is the oldest
    const [oldest = this.#lastId] = this.#needed.values();
    this.#connection.xtrim(this.#key, 'MINID', oldest).catch(() => {
      // the next trim makes up for it
    });
  }
}

function nameOf(key: SessionKey): string {
  return `${key.tenant}\0${key.session}`;
}
