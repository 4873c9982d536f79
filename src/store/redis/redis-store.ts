import type { Settings, TurnStatus } from '../../../protocol/frames/common.ts';
import type { Cluster, Redis } from 'ioredis';
import type {
  ClaimRequest,
  ClaimResult,
  EndRequest,
  EndResult,
  SessionKey,
  SharedStore,
  StoredSession,
  TurnEntry,
} from '../contract.ts';
import { LeaseLostError, StoreError } from '../store-error.ts';
import { createRedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';
import { NodeLogTrim } from './node-log-trim.ts';
import { createRedisNodes } from './redis-nodes.ts';
import { parseStoredTurn } from './stored-turn.ts';

export interface RedisStoreOptions {
  connection: RedisConnection;
  /** A connection of its own for messages to this node. */
  subscriber: Redis | Cluster;
  prefix: string;
  /** This process; its lease must be held. */
  node: string;
  close(): Promise<void>;
}

/** A cancel of an unknown turn is remembered this long. */
const tombstoneMs = 10 * 60_000;

/** The store that nodes share. Every step that must be atomic is one Lua command on the keys of one session. */
export function createRedisStore({ connection, subscriber, prefix, node, close }: RedisStoreOptions): SharedStore {
  const keys = createRedisKeys(prefix);
  const log = new NodeLogTrim(connection, keys.log(node));

  /** Every failure means “outcome unknown”. */
  async function ask<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError('Redis did not answer.', error);
    }
  }

  const readSession = async (key: SessionKey): Promise<StoredSession | undefined> => {
    const [fields, queue] = await Promise.all([
      connection.hgetall(keys.session(key)),
      connection.lrange(keys.queue(key), 0, -1),
    ]);
    if (fields.epoch === undefined) return undefined;
    return {
      tenant: key.tenant,
      session: key.session,
      epoch: fields.epoch,
      head: Number(fields.head),
      settings: JSON.parse(fields.settings ?? '{}') as Settings,
      createdAt: Number(fields.createdAt),
      turns: Number(fields.turns),
      running: fields.running,
      owner: fields.owner,
      unfinishedFrom: fields.from === undefined ? undefined : Number(fields.from),
      queue,
    };
  };

  async function claim(request: ClaimRequest): Promise<ClaimResult> {
    const { record } = request;
    // before the claim: whoever takes over from this node finds the session
    await connection.sadd(keys.sessions(node), JSON.stringify([request.tenant, request.session]));
    const [outcome, ...details] = (await connection.parleyClaim(
      keys.session(request),
      keys.queue(request),
      keys.turns(request),
      keys.tombstone(request, record.turn),
      record.turn,
      record.fingerprint,
      request.onBusy,
      request.base ?? '',
      request.liveHead ?? '',
      request.maxQueuedTurns,
      JSON.stringify(record),
      node,
    )) as [string, ...(string | number)[]];
    switch (outcome) {
      case 'running':
        return { outcome, pos: Number(details[0]), tombstoned: details[1] === 1 };
      case 'queued':
        return { outcome, ahead: Number(details[0]), tombstoned: details[1] === 1 };
      case 'replacing':
        return { outcome, superseded: details.slice(1).map(String), tombstoned: details[0] === 1 };
      case 'duplicate':
        return { outcome, existing: parseStoredTurn(String(details[0])) };
      case 'stale_base':
        return { outcome, head: Number(details[0]) };
      case 'elsewhere':
        return { outcome, owner: String(details[0]) };
      default:
        return { outcome: outcome as 'conflict' | 'busy' | 'queue_full' | 'session_not_found' };
    }
  }

  async function end(request: EndRequest): Promise<EndResult> {
    const { entry, status, head } = request;
    const [outcome, detail = ''] = (await connection.parleyEnd(
      keys.session(request),
      keys.queue(request),
      keys.turns(request),
      keys.entries(request),
      entry.turn,
      node,
      entry.fingerprint,
      status,
      head,
      JSON.stringify(entry),
    )) as [string, string?];
    if (outcome === 'ended') return { outcome, next: detail === '' ? undefined : detail };
    if (outcome === 'already_ended') return { outcome, status: detail as TurnStatus };
    return { outcome: outcome as 'unknown' | 'fenced' };
  }

  async function readRange(key: SessionKey, read: () => Promise<[string, string[]][]>): Promise<TurnEntry[]> {
    const [rows, heard] = await Promise.all([read(), connection.hgetall(keys.heard(key))]);
    return rows.map(([id, fields]) => {
      const entry = JSON.parse(fields[1]!) as TurnEntry;
      const note = heard[id.slice(0, id.indexOf('-'))];
      return note === undefined ? entry : { ...entry, ...(JSON.parse(note) as object) };
    });
  }

  return {
    kind: 'redis',
    createSession: (key, settings, epoch, at) =>
      ask(async () => {
        const created = await connection.parleyCreateSession(keys.session(key), epoch, JSON.stringify(settings), at);
        const session = await readSession(key);
        if (session === undefined) throw new StoreError('The session was erased while it was made.');
        return { created: created === 1, session };
      }),
    readSession: (key) => ask(() => readSession(key)),
    updateSettings: (key, settings) =>
      ask(async () => void (await connection.parleyUpdateSettings(keys.session(key), JSON.stringify(settings)))),
    deleteSession: (key) =>
      ask(
        async () =>
          void (await connection.unlink(
            keys.session(key),
            keys.queue(key),
            keys.turns(key),
            keys.entries(key),
            keys.heard(key),
          )),
      ),
    claim: (request) => ask(() => claim(request)),
    readTurn: (key, turn) =>
      ask(async () => {
        const text = await connection.hget(keys.turns(key), turn);
        return text === null ? undefined : parseStoredTurn(text);
      }),
    tombstone: (key, turn) =>
      ask(async () => {
        const text = await connection.parleyTombstone(keys.turns(key), keys.tombstone(key, turn), turn, tombstoneMs);
        return typeof text === 'string' ? parseStoredTurn(text) : undefined;
      }),
    append: (batches) =>
      ask(async () => {
        const id = await connection.parleyAppend(keys.lease(node), keys.log(node), node, JSON.stringify(batches));
        if (typeof id !== 'string') throw new LeaseLostError();
        log.appended(id, batches);
      }),
    end: (request) =>
      ask(async () => {
        const result = await end(request);
        if (result.outcome === 'ended' && result.next === undefined) log.settled(request);
        return result;
      }),
    noteHeard: (key, position, heard, outputTokens) =>
      ask(
        async () =>
          void (await connection.hset(keys.heard(key), String(position), JSON.stringify({ heard, outputTokens }))),
      ),
    readEntries: (key, from, limit) =>
      ask(() =>
        readRange(
          key,
          () =>
            connection.xrange(keys.entries(key), `${from + 1}-0`, '+', 'COUNT', limit) as Promise<[string, string[]][]>,
        ),
      ),
    readTail: (key, before, limit) =>
      ask(() =>
        readRange(
          key,
          () =>
            connection.xrevrange(keys.entries(key), `${before - 1}-0`, '-', 'COUNT', limit) as Promise<
              [string, string[]][]
            >,
        ),
      ),
    // what dead nodes left is found by their leases, see the cluster room
    orphans: async () => [],
    ...createRedisNodes({ connection, subscriber, keys, node, readSession, ask }),
    close,
  };
}
