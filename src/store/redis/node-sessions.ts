import type { SessionKey } from '../contract.ts';
import type { RedisConnection } from './redis-commands.ts';

/**
 * The sessions in which this node may have unfinished turns, for whoever takes over from it. A session is in the set
 * before the node claims a turn of it, and leaves it after the last end, unless a claim is on its way or its outcome
 * is unknown.
 */
export class NodeSessions {
  readonly #connection: RedisConnection;
  readonly #setKey: string;
  readonly #claiming = new Map<string, number>();
  readonly #unsure = new Set<string>();

  constructor(connection: RedisConnection, setKey: string) {
    this.#connection = connection;
    this.#setKey = setKey;
  }

  /** Runs a claim; `added` is on its way to the server when `action` is called. */
  async claim<Result>(key: SessionKey, action: (added: Promise<unknown>) => Promise<Result>): Promise<Result> {
    const member = memberOf(key);
    this.#claiming.set(member, (this.#claiming.get(member) ?? 0) + 1);
    try {
      return await action(this.#connection.sadd(this.#setKey, member));
    } catch (error) {
      this.#unsure.add(member);
      throw error;
    } finally {
      const others = this.#claiming.get(member)! - 1;
      if (others === 0) this.#claiming.delete(member);
      else this.#claiming.set(member, others);
    }
  }

  /** The session runs no turn any more. */
  settled(key: SessionKey): void {
    const member = memberOf(key);
    if (this.#claiming.has(member) || this.#unsure.has(member)) return;
    this.#connection.srem(this.#setKey, member).catch(() => {
      // it is looked at in vain, should this node die
    });
  }
}

function memberOf(key: SessionKey): string {
  return JSON.stringify([key.tenant, key.session]);
}
