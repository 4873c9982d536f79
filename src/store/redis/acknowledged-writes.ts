import type { SessionKey } from '../contract.ts';
import { erasedMs, type RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';

/** Sessions whose last end is remembered. */
const maxSessions = 1_024;

/** What is older is not looked for: an erasure by another node is remembered for longer than that. Milliseconds. */
const oldMs = erasedMs / 2;

interface Write {
  key: SessionKey;
  /** Monotonic milliseconds. */
  atMs: number;
  turn?: string | undefined;
  /** Position after the turn's end. */
  head?: number | undefined;
}

/**
 * The last writes that the server acknowledged: every claim without its end, and the ends of the last sessions. A server
 * loses what it was told last, so as long as these are there, so is everything before them.
 */
export class AcknowledgedWrites {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #claims = new Map<string, Write>();
  /** By session, written longest ago first; without a turn where the session was made. */
  readonly #ends = new Map<string, Write>();

  constructor(connection: RedisConnection, keys: RedisKeys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  claimed({ tenant, session }: SessionKey, turn: string): void {
    const key = { tenant, session };
    this.#claims.set(`${this.#keys.session(key)} ${turn}`, { key, atMs: performance.now(), turn });
  }

  /** A turn was ended; without one, the session was made. */
  ended({ tenant, session }: SessionKey, turn?: string, head?: number): void {
    const key = { tenant, session };
    const name = this.#keys.session(key);
    if (turn !== undefined) this.#claims.delete(`${name} ${turn}`);
    this.#ends.delete(name);
    this.#ends.set(name, { key, atMs: performance.now(), turn, head });
    if (this.#ends.size > maxSessions) this.#ends.delete(this.#ends.keys().next().value!);
  }

  /** The session was erased. */
  forget(key: SessionKey): void {
    const name = this.#keys.session(key);
    this.#ends.delete(name);
    for (const claim of this.#claims.keys()) if (claim.startsWith(`${name} `)) this.#claims.delete(claim);
  }

  clear(): void {
    this.#claims.clear();
    this.#ends.clear();
  }

  /** The sessions that they are in; some may be there twice. */
  get sessions(): SessionKey[] {
    return [...this.#claims.values(), ...this.#ends.values()].map(({ key }) => key);
  }

  /** Whether the server still has them. */
  async areThere(): Promise<boolean> {
    const oldestMs = performance.now() - oldMs;
    const isNew = ({ atMs }: Write): boolean => atMs >= oldestMs;
    const claims = [...this.#claims.values()].filter(isNew).map(({ key, turn }) => this.#isThere(key, turn, ''));
    const ends = [...this.#ends.values()].filter(isNew).map(async ({ key, turn, head }) => {
      return (await this.#isThere(key, turn, '\nF')) || (head !== undefined && this.#wasRemoved(key, head));
    });
    return (await Promise.all([...claims, ...ends])).every(Boolean);
  }

  /** Whether the turn that ended at `head` is gone because old turns are removed. */
  async #wasRemoved(key: SessionKey, head: number): Promise<boolean> {
    return Number(await this.#connection.hget(this.#keys.session(key), 'start')) >= head;
  }

  /** `mark`: what the stored turn has in it. */
  async #isThere(key: SessionKey, turn: string | undefined, mark: string): Promise<boolean> {
    const text =
      turn === undefined
        ? await this.#connection.hget(this.#keys.session(key), 'epoch')
        : await this.#connection.hget(this.#keys.turns(key), turn);
    if (text !== null && (turn === undefined || text.includes(mark))) return true;
    // erased by another node, or lost
    const isErased = (await this.#connection.exists(this.#keys.erased(key))) === 1;
    if (isErased) this.forget(key);
    return isErased;
  }
}
