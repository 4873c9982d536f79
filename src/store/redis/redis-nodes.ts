import type { Cluster, Redis } from 'ioredis';
import type { LogEvent } from '../../session/log-event.ts';
import { assembleOrphan, orphanStart } from '../assemble-orphan.ts';
import type {
  LogBatch,
  OrphanedSession,
  SessionKey,
  SharedStore,
  Store,
  StoredSession,
  TurnEntry,
  TurnRecord,
} from '../contract.ts';
import { StoreError } from '../store-error.ts';
import type { RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';
import { parseStoredTurn } from './stored-turn.ts';

export interface RedisNodesOptions {
  connection: RedisConnection;
  subscriber: Redis | Cluster;
  keys: RedisKeys;
  node: string;
  readSession(key: SessionKey): Promise<StoredSession | undefined>;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
}

type Nodes = Omit<SharedStore, keyof Store>;

/** A node that takes over has this long before another may try. */
const takeOverMs = 10_000;
/** A lease that was taken away stays so for this long, should its node wake up. */
const buriedMs = 24 * 60 * 60_000;

/** Leases, takeover and messages between nodes, by Redis time alone. */
export function createRedisNodes({ connection, subscriber, keys, node, readSession, ask }: RedisNodesOptions): Nodes {
  const channelOf = (id: string): string => `${keys.log(id)}:tell`;

  /** A session's turns belong to the node that claimed them, whose log has their events; `owner` says who may end them. */
  async function orphan(
    key: SessionKey,
    dead: string,
    logged: readonly LogEvent[],
  ): Promise<OrphanedSession | undefined> {
    const session = await readSession(key);
    if (session?.running === undefined) return undefined;
    const texts = await connection.hmget(keys.turns(key), session.running, ...session.queue);
    const unfinished: TurnRecord[] = [];
    for (const text of texts) {
      const turn = text === null ? undefined : parseStoredTurn(text);
      if (turn?.state === 'unfinished') unfinished.push(turn.record);
    }
    if (unfinished[0]?.node !== dead) return undefined;
    if ((await connection.parleyTakeOverSession(keys.session(key), session.owner ?? dead, node)) !== 1)
      return undefined;
    const start = orphanStart(session, unfinished, logged);
    const rows = (await connection.xrange(keys.entries(key), `${start + 1}-0`, '+')) as [string, string[]][];
    const ended = rows.flatMap(([, fields]) => (JSON.parse(fields[1]!) as TurnEntry).events);
    return assembleOrphan(session, unfinished, logged, ended);
  }

  async function readLog(dead: string): Promise<Map<string, LogEvent[]>> {
    const bySession = new Map<string, LogEvent[]>();
    for (let from = '-'; ; ) {
      const rows = (await connection.xrange(keys.log(dead), from, '+', 'COUNT', 1_000)) as [string, string[]][];
      for (const [, fields] of rows) {
        for (const { tenant, session, events } of JSON.parse(fields[1]!) as LogBatch[]) {
          const name = `${tenant}\0${session}`;
          const known = bySession.get(name);
          if (known === undefined) bySession.set(name, [...events]);
          else for (const event of events) known.push(event);
        }
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < 1_000) return bySession;
      from = `(${last[0]}`;
    }
  }

  return {
    node,
    joinNodes: (ttlMs) =>
      ask(async () => {
        const held = await connection.parleyRenewLease(keys.lease(node), node, ttlMs, '1');
        if (held !== 1) throw new StoreError('The lease of this node is taken.');
        await connection.sadd(keys.nodes(), node);
      }),
    renewLease: (ttlMs) =>
      ask(async () => (await connection.parleyRenewLease(keys.lease(node), node, ttlMs, '')) === 1),
    leaveNodes: () =>
      ask(async () => {
        await connection.srem(keys.nodes(), node);
        await connection.unlink(keys.lease(node), keys.log(node), keys.sessions(node));
      }),
    isAlive: (id) => ask(async () => (await connection.get(keys.lease(id))) === id),
    deadNodes: () =>
      ask(async () => {
        const others = (await connection.smembers(keys.nodes())).filter((id) => id !== node);
        const leases = await Promise.all(others.map((id) => connection.get(keys.lease(id))));
        return others.filter((id, i) => leases[i] !== id);
      }),
    takeOver: (dead) =>
      ask(async () => {
        if ((await connection.parleyBuryNode(keys.lease(dead), keys.grave(dead), node, takeOverMs, buriedMs)) !== 1)
          return undefined;
        const logged = await readLog(dead);
        const orphans: OrphanedSession[] = [];
        for (const member of await connection.smembers(keys.sessions(dead))) {
          const [tenant, session] = JSON.parse(member) as [string, string];
          const found = await orphan({ tenant, session }, dead, logged.get(`${tenant}\0${session}`) ?? []);
          if (found !== undefined) orphans.push(found);
        }
        return orphans;
      }),
    buried: (dead) =>
      ask(async () => {
        await connection.srem(keys.nodes(), dead);
        await connection.unlink(keys.log(dead), keys.sessions(dead), keys.grave(dead));
      }),
    setFollowing: (key, count) =>
      ask(async () => {
        if (count > 0) await connection.hset(keys.followers(key), node, String(count));
        else await connection.hdel(keys.followers(key), node);
      }),
    followers: (key) =>
      ask(async () => {
        const others = (await connection.hkeys(keys.followers(key))).filter((id) => id !== node);
        const leases = await Promise.all(others.map((id) => connection.get(keys.lease(id))));
        const gone = others.filter((id, i) => leases[i] !== id);
        if (gone.length > 0) await connection.hdel(keys.followers(key), ...gone);
        return others.filter((id) => !gone.includes(id));
      }),
    tell(to, message) {
      connection.publish(channelOf(to), message).catch(() => {
        // a lost message is seen by its position, or by the asker's timeout
      });
    },
    listen: (onMessage, onReconnect) =>
      ask(async () => {
        subscriber.on('message', (_channel: string, message: string) => onMessage(message));
        await subscriber.subscribe(channelOf(node));
        subscriber.on('ready', onReconnect);
      }),
  };
}
