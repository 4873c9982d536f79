import { inParallel } from '../../lib/in-parallel.ts';
import type { LogEvent } from '../../session/log-event.ts';
import { assembleOrphan, orphanStart } from '../assemble-orphan.ts';
import type {
  LogBatch,
  OrphanedSession,
  Presence,
  SessionKey,
  SharedStore,
  Store,
  StoredSession,
  TurnEntry,
  TurnRecord,
} from '../contract.ts';
import type { AcknowledgedWrites } from './acknowledged-writes.ts';
import type { LossRecovery } from './loss-recovery.ts';
import type { RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';
import type { RedisSubscriber } from './redis-subscriber.ts';
import { parseStoredTurn } from './stored-turn.ts';

export interface RedisNodesOptions {
  connection: RedisConnection;
  subscriber: RedisSubscriber;
  keys: RedisKeys;
  node: string;
  writes: AcknowledgedWrites;
  readSession(key: SessionKey): Promise<StoredSession | undefined>;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
}

type Nodes = Omit<SharedStore, keyof Store | keyof LossRecovery | 'logFrom'>;

/** A node that takes over has this long before another may try. */
const takeOverMs = 10_000;
/** Sessions that it takes over at a time. */
const takenAtOnce = 32;
/** A message that could not be sent is sent again for this long, this often. */
const tellMs = 10_000;
const tellAgainMs = 200;
/** Messages that may wait for that. */
const maxUntold = 10_000;

/** Leases, takeover and messages between nodes, by Redis time alone. */
export function createRedisNodes({
  connection,
  subscriber,
  keys,
  node,
  writes,
  readSession,
  ask,
}: RedisNodesOptions): Nodes {
  /** Sessions of the dead nodes that this one takes over now. */
  const taken = new Map<string, string[]>();
  let untold = 0;
  const channelOf = (id: string): string => `${keys.log(id)}:tell`;

  /** A session's turns belong to the node that claimed them, whose log has their events; `owner` says who may end them. */
  async function orphan(
    key: SessionKey,
    dead: string,
    logged: readonly LogEvent[],
  ): Promise<OrphanedSession | undefined> {
    const before = await readSession(key);
    if (before?.running === undefined || before.owner === undefined) return undefined;
    const [first] = await readRecords(before);
    if (first?.node !== dead) return undefined;
    // only now nothing of it changes any more
    if ((await connection.parleyTakeOverSession(keys.session(key), before.owner, node)) !== 1) return undefined;
    const session = await readSession(key);
    if (session?.running === undefined) return undefined;
    const unfinished = await readRecords(session);
    const start = orphanStart(session, unfinished, logged);
    const rows = (await connection.xrange(keys.entries(key), `${start + 1}-0`, '+')) as [string, string[]][];
    const ended = rows.flatMap(([, fields]) => (JSON.parse(fields[1]!) as TurnEntry).events);
    return assembleOrphan(session, unfinished, logged, ended);
  }

  /** Who was taking it over and is gone itself: its clients need not wait until the time for that is over. */
  async function lostDigger(dead: string): Promise<string> {
    const digger = await connection.get(keys.grave(dead));
    const isLost = digger !== null && (await connection.get(keys.lease(digger))) !== digger;
    return isLost ? digger : '';
  }

  async function readOthers(): Promise<{ alive: string[]; dead: string[] }> {
    const others = (await connection.smembers(keys.nodes())).filter((id) => id !== node);
    const leases = await Promise.all(others.map((id) => connection.get(keys.lease(id))));
    return { alive: others.filter((id, i) => leases[i] === id), dead: others.filter((id, i) => leases[i] !== id) };
  }

  /** The running turn first, then those that wait. */
  async function readRecords(session: StoredSession): Promise<TurnRecord[]> {
    const texts = await connection.hmget(keys.turns(session), session.running!, ...session.queue);
    const unfinished: TurnRecord[] = [];
    for (const text of texts) {
      const turn = text === null ? undefined : parseStoredTurn(text);
      if (turn?.state === 'unfinished') unfinished.push(turn.record);
    }
    return unfinished;
  }

  async function readLog(dead: string): Promise<Map<string, LogEvent[]>> {
    const bySession = new Map<string, LogEvent[]>();
    for (let from = '-'; ; ) {
      const rows = (await connection.xrange(keys.log(dead), from, '+', 'COUNT', 1_000)) as [string, string[]][];
      for (const [, fields] of rows) {
        for (const { tenant, session, events } of JSON.parse(fields[1]!) as LogBatch[]) {
          const name = nameOf({ tenant, session });
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

  /**
   * A message that nobody got is found out by its receiver: a position is missing, or its subscription was gone. One that
   * could not be sent, perhaps the last of a turn, is nobody's knowledge but this node's: it is sent again. Repeats and
   * changes of order do no harm.
   */
  function publish(channel: string, message: string, untilMs: number): void {
    connection.publish(channel, message).catch(() => {
      if (performance.now() > untilMs || untold >= maxUntold) return;
      untold++;
      setTimeout(() => {
        untold--;
        publish(channel, message, untilMs);
      }, tellAgainMs).unref();
    });
  }

  return {
    node,
    joinNodes: (ttlMs) =>
      ask(async () => {
        await connection.parleyRenewLease(keys.lease(node), keys.life(node), node, ttlMs, '1');
        await connection.sadd(keys.nodes(), node);
      }),
    renewLease: (ttlMs) =>
      ask(async () => (await connection.parleyRenewLease(keys.lease(node), keys.life(node), node, ttlMs, '')) === 1),
    leaveNodes: () =>
      ask(async () => {
        // a node that was buried has nothing any more that it could clear away
        if ((await connection.exists(keys.life(node))) === 0) return;
        await connection.unlink(keys.lease(node));
        await connection.srem(keys.leaving(), node);
        // what could not be ended is left to others, together with the log of it
        if ((await connection.scard(keys.sessions(node))) > 0) return;
        await connection.srem(keys.nodes(), node);
        await connection.unlink(keys.life(node), keys.log(node));
      }),
    isAlive: (id) => ask(async () => (await connection.get(keys.lease(id))) === id),
    otherNodes: () => ask(async () => (await readOthers()).alive),
    retire: () => ask(async () => void (await connection.sadd(keys.leaving(), node))),
    successors: () =>
      ask(async () => {
        const leaving = new Set(await connection.smembers(keys.leaving()));
        return (await readOthers()).alive.filter((id) => !leaving.has(id));
      }),
    deadNodes: () => ask(async () => (await readOthers()).dead),
    takeOver: (dead) =>
      ask(async () => {
        const mayTake = await connection.parleyBuryNode(
          keys.lease(dead),
          keys.life(dead),
          keys.grave(dead),
          node,
          takeOverMs,
          await lostDigger(dead),
        );
        if (mayTake !== 1) return undefined;
        const logged = await readLog(dead);
        const members = await connection.smembers(keys.sessions(dead));
        taken.set(dead, members);
        const found = new Map<string, SessionKey>();
        for (const member of members) {
          const [tenant, session] = JSON.parse(member) as [string, string];
          found.set(nameOf({ tenant, session }), { tenant, session });
        }
        const left = await inParallel([...found], takenAtOnce, ([name, key]) =>
          orphan(key, dead, logged.get(name) ?? []),
        );
        return left.filter((session) => session !== undefined);
      }),
    buried: (dead) =>
      ask(async () => {
        const members = taken.get(dead) ?? [];
        taken.delete(dead);
        // this node was away for so long that another one took its place, and needs what is there
        const digger = await connection.get(keys.grave(dead));
        if (digger !== null && digger !== node) return;
        if (members.length > 0) await connection.srem(keys.sessions(dead), ...members);
        await connection.srem(keys.nodes(), dead);
        await connection.srem(keys.leaving(), dead);
        // a claim that it sent in its last moment was found too late: the next round is for that one
        if ((await connection.scard(keys.sessions(dead))) > 0) await connection.sadd(keys.nodes(), dead);
        await connection.parleyFinishBurial(keys.grave(dead), keys.log(dead), node);
      }),
    reclaim: (runsHere) =>
      ask(async () => {
        const known = new Map(writes.sessions.map((key) => [nameOf(key), key]));
        for (const member of await connection.smembers(keys.sessions(node))) {
          const [tenant, session] = JSON.parse(member) as [string, string];
          known.set(nameOf({ tenant, session }), { tenant, session });
        }
        const logged = await readLog(node);
        const orphans: OrphanedSession[] = [];
        for (const [name, key] of known) {
          const left = runsHere(key) ? undefined : await orphan(key, node, logged.get(name) ?? []);
          if (left !== undefined) orphans.push(left);
        }
        return orphans;
      }),
    suspect: (dead, key) =>
      ask(async () => {
        await connection.sadd(keys.sessions(dead), JSON.stringify([key.tenant, key.session]));
        await connection.sadd(keys.nodes(), dead);
      }),
    setFollowing: (key, presence) =>
      ask(async () => {
        if (presence === undefined) await connection.hdel(keys.followers(key), node);
        else await connection.hset(keys.followers(key), node, `${presence.writers},${presence.viewers}`);
      }),
    followers: (key) =>
      ask(async () => {
        const found = await connection.hgetall(keys.followers(key));
        const others = Object.keys(found).filter((id) => id !== node);
        const leases = await Promise.all(others.map((id) => connection.get(keys.lease(id))));
        const gone = others.filter((id, i) => leases[i] !== id);
        if (gone.length > 0) await connection.hdel(keys.followers(key), ...gone);
        const alive = others.filter((id) => !gone.includes(id));
        return new Map(alive.map((id) => [id, parsePresence(found[id]!)]));
      }),
    tell(to, message) {
      publish(channelOf(to), message, performance.now() + tellMs);
    },
    listen: (onMessage, onReconnect) => ask(() => subscriber.listen(channelOf(node), onMessage, onReconnect)),
  };
}

function parsePresence(text: string): Presence {
  const [writers = 0, viewers = 0] = text.split(',').map(Number);
  return { writers, viewers };
}

function nameOf(key: SessionKey): string {
  return `${key.tenant}\0${key.session}`;
}
