import type { SessionKey } from '../contract.ts';

/** An erasure is remembered this long, milliseconds. */
export const erasedMs = 24 * 60 * 60_000;

/**
 * Every key of the Redis store. What is in braces decides the slot of a Cluster: all keys of a session are in one, all
 * of a node in one, all of a collection of records in one. The tenant is part of every key of a session; its ids hold no
 * braces or colons.
 */
export function createRedisKeys(prefix: string) {
  const session = (key: SessionKey): string =>
    `${prefix}:{${encodeURIComponent(key.tenant)}:${encodeURIComponent(key.session)}}`;
  const node = (id: string): string => `${prefix}:{node:${id}}`;
  const collection = (name: string): string => `${prefix}:{records:${encodeURIComponent(name)}}`;
  return {
    /** Every key of a session but tombstones, which run out; the session first, then its followers. */
    allOf(key: SessionKey): [string, string, ...string[]] {
      const name = session(key);
      const others = ['queue', 'turns', 'entries', 'heard', 'texts', 'summary'];
      return [name, `${name}:followers`, ...others.map((other) => `${name}:${other}`)];
    },
    /** Hash: epoch, version, head, start, bytes, usedAt, settings, createdAt, turns, running, owner, from, orphaned, pinned. */
    session: (key: SessionKey) => session(key),
    /** List: turns that wait. */
    queue: (key: SessionKey) => `${session(key)}:queue`,
    /** Hash: turn → how it stands. */
    turns: (key: SessionKey) => `${session(key)}:turns`,
    /** Stream: finished turns, by the position after their last event. */
    entries: (key: SessionKey) => `${session(key)}:entries`,
    /** Hash: position after a turn → what of it was heard. */
    heard: (key: SessionKey) => `${session(key)}:heard`,
    /** Hash: id → text that windows refer to. */
    texts: (key: SessionKey) => `${session(key)}:texts`,
    /** Hash: end, turns, text. */
    summary: (key: SessionKey) => `${session(key)}:summary`,
    /** Hash: node → writers and viewers there that follow the session, as `1,0`. */
    followers: (key: SessionKey) => `${session(key)}:followers`,
    /** There for a while after an erasure: what is gone then was not lost. */
    erased: (key: SessionKey) => `${session(key)}:erased`,
    /** Written after an end, for replicas to acknowledge. */
    mark: (key: SessionKey) => `${session(key)}:mark`,
    tombstone: (key: SessionKey, turn: string) => `${session(key)}:tombstone:${turn}`,
    /** Runs out unless renewed: then another node may bury this one. */
    lease: (id: string) => `${node(id)}:lease`,
    /** Number of its appends. Does not run out; gone when the node left or was buried: it may speak as long as this is there. */
    life: (id: string) => `${node(id)}:life`,
    /** Stream: the node's write-ahead log. */
    log: (id: string) => `${node(id)}:log`,
    /** Set: sessions in which the node may have unfinished turns. */
    sessions: (id: string) => `${node(id)}:sessions`,
    grave: (id: string) => `${node(id)}:grave`,
    /** Set: tenants that have had sessions. */
    tenants: () => `${prefix}:tenants`,
    /** Sorted set: the tenant's sessions by the time of their last use. */
    used: (tenant: string) => `${prefix}:{${encodeURIComponent(tenant)}}:used`,
    /** Node that tidies up now; runs out. */
    tidier: () => `${prefix}:tidier`,
    /** Set: every node that lives or was not buried. */
    nodes: () => `${prefix}:nodes`,
    /** Set: nodes that go away, and to which no turns are left. */
    leaving: () => `${prefix}:leaving`,
    /** Hash: id → value, of the records that do not run out. */
    records: (name: string) => collection(name),
    /** Sorted set: their ids, all of one score. */
    recordIds: (name: string) => `${collection(name)}:ids`,
    recordVersion: (name: string) => `${collection(name)}:version`,
    /** One that runs out. */
    record: (name: string, id: string) => `${collection(name)}:record:${id}`,
    /** Changes when Redis lost data. */
    generation: () => `${prefix}:generation`,
  };
}

export type RedisKeys = ReturnType<typeof createRedisKeys>;
