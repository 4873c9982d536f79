import type { RetentionPolicy, SessionKey, SessionUse, Store } from '../contract.ts';
import { retentionStep } from '../retention-rules.ts';
import { erasedMs, type RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';

export interface RedisRetentionOptions {
  connection: RedisConnection;
  keys: RedisKeys;
  node: string;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
}

type RetentionMethods = Pick<Store, 'retain' | 'touch' | 'expire' | 'mayTidy' | 'tenants' | 'listSessions'>;

export interface RedisRetention extends RetentionMethods {
  /** The session was used at `at`, by the store's clock: to be found by `listSessions`. */
  index(key: SessionKey, at: number): void;
  /** The session is gone. */
  forget(key: SessionKey): Promise<void>;
}

/** What removes old turns and unused sessions. The lists of sessions are in other slots than those, and may be late. */
export function createRedisRetention({ connection, keys, node, ask }: RedisRetentionOptions): RedisRetention {
  function index(key: SessionKey, at: number): void {
    connection.zadd(keys.used(key.tenant), at, key.session).catch(() => {
      // its next use makes up for it
    });
  }

  async function forget(key: SessionKey): Promise<void> {
    await connection.zrem(keys.used(key.tenant), key.session);
  }

  async function useOf(tenant: string, session: string, idleMs: number): Promise<SessionUse> {
    const [bytes, turns] = await connection.hmget(keys.session({ tenant, session }), 'bytes', 'turns');
    return { session, idleMs, bytes: Number(bytes ?? 0), isGone: turns === null };
  }

  async function expire(key: SessionKey, idleMs: number): Promise<boolean> {
    return (await connection.parleyExpireSession(keys.erased(key), ...keys.allOf(key), idleMs, erasedMs)) === 1;
  }

  async function touch(key: SessionKey): Promise<void> {
    const at = await connection.parleyTouchSession(keys.session(key));
    if (typeof at === 'number') index(key, at);
  }

  /** Nodes that died cannot say that they do not follow any more; answers whether there were any. */
  async function forgetDeadFollowers(key: SessionKey): Promise<boolean> {
    const nodes = await connection.hkeys(keys.followers(key));
    const leases = await Promise.all(nodes.map((id) => connection.get(keys.lease(id))));
    const dead = nodes.filter((id, i) => leases[i] !== id);
    if (dead.length > 0) await connection.hdel(keys.followers(key), ...dead);
    return dead.length > 0;
  }

  return {
    index,
    forget,
    retain: (key: SessionKey, policy: RetentionPolicy) =>
      ask(async () => {
        const result = await connection.parleyRetain(
          keys.session(key),
          keys.turns(key),
          keys.entries(key),
          keys.heard(key),
          policy.maxAgeMs ?? '',
          policy.maxTurns ?? '',
          policy.maxBytes ?? '',
          retentionStep,
        );
        if (!Array.isArray(result)) return undefined;
        const [start, removed, version] = result as (number | string)[];
        return {
          start: Number(start),
          removed: Number(removed),
          ...(version === undefined ? {} : { version: Number(version) }),
        };
      }),
    touch: (key) => ask(() => touch(key)),
    expire: (key, idleMs) =>
      ask(async () => {
        const isGone = await expire(key, idleMs);
        if (isGone) await forget(key);
        // it was in use until they died, and their clients come back
        else if (await forgetDeadFollowers(key)) await touch(key);
        return isGone;
      }),
    mayTidy: (ttlMs) =>
      ask(async () => {
        if ((await connection.set(keys.tidier(), node, 'PX', ttlMs, 'NX')) === 'OK') return true;
        if ((await connection.get(keys.tidier())) !== node) return false;
        await connection.pexpire(keys.tidier(), ttlMs);
        return true;
      }),
    tenants: () => ask(() => connection.smembers(keys.tenants())),
    listSessions: (tenant, offset, limit) =>
      ask(async () => {
        const [found, [seconds = 0, microseconds = 0]] = await Promise.all([
          connection.zrange(keys.used(tenant), String(offset), String(offset + limit - 1), 'WITHSCORES'),
          connection.time(),
        ]);
        const now = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
        const pairs = Array.from({ length: found.length / 2 }, (_, i) => [found[2 * i]!, found[2 * i + 1]!] as const);
        return Promise.all(pairs.map(([session, at]) => useOf(tenant, session, Math.max(0, now - Number(at)))));
      }),
  };
}
