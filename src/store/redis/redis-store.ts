import type { Settings, TurnStatus } from '../../../protocol/frames/common.ts';
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
import { batchesJson } from '../events-json.ts';
import { newSession } from '../new-session.ts';
import { LeaseLostError, StoreError } from '../store-error.ts';
import { firstOf } from '../retention-rules.ts';
import { createRedisAccounts } from './redis-accounts.ts';
import { AcknowledgedWrites } from './acknowledged-writes.ts';
import { createRedisKeys, erasedMs } from './keys.ts';
import { createLossRecovery } from './loss-recovery.ts';
import type { LogEvent } from '../../session/log-event.ts';
import type { RedisConnection } from './redis-commands.ts';
import { NodeLog } from './node-log.ts';
import { NodeLogTrim } from './node-log-trim.ts';
import { NodeSessions } from './node-sessions.ts';
import { createRedisNodes } from './redis-nodes.ts';
import type { ReplicaWait } from './replica-wait.ts';
import type { RedisSubscriber } from './redis-subscriber.ts';
import { createRedisRecords } from './redis-records.ts';
import { createRedisRetention } from './redis-retention.ts';
import { createRedisWindows, pinnedOf } from './redis-windows.ts';
import { parseStoredTurn } from './stored-turn.ts';

export interface RedisStoreOptions {
  connection: RedisConnection;
  /** A connection of its own for messages to this node. */
  subscriber: RedisSubscriber;
  prefix: string;
  /** This process; its lease must be held. */
  node: string;
  /** Makes ends wait for replicas. */
  replicaWait?: ReplicaWait | undefined;
  /** The node log holds about five times this, and what running turns said, merged. */
  segmentBytes?: number | undefined;
  close(): Promise<void>;
}

/** Claims after which the turn is this node's, perhaps since an earlier attempt. */
const claimOutcomes = new Set(['running', 'queued', 'replacing', 'duplicate']);

/** A cancel of an unknown turn is remembered this long. */
const tombstoneMs = 10 * 60_000;

/** A read is repeated this often, after waits that grow from `readRetryMs`; reads change nothing. */
const readAttempts = 5;
const readRetryMs = 50;

/** The store that nodes share. Every step that must be atomic is one Lua command on the keys of one session. */
export function createRedisStore(options: RedisStoreOptions): SharedStore {
  const { connection, subscriber, prefix, node, segmentBytes = 8 * 1024 * 1024, replicaWait, close } = options;
  const keys = createRedisKeys(prefix);
  const nodeLog = new NodeLog(connection, keys.life(node), keys.log(node));
  const append = (json: string): Promise<string> => nodeLog.append(json);
  const sessions = new NodeSessions(connection, keys.sessions(node));
  const writes = new AcknowledgedWrites(connection, keys);
  let unfinishedEvents: (key: SessionKey) => LogEvent[] = () => [];
  const log = new NodeLogTrim({
    connection,
    logKey: keys.log(node),
    append: (batches) => append(JSON.stringify(batches)),
    unfinishedEvents: (key) => unfinishedEvents(key),
    segmentBytes,
  });

  /** Every failure means “outcome unknown”. */
  async function ask<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError('Redis did not answer.', error);
    }
  }

  /** As `ask`, for what may be repeated at once: a connection that broke is often back by then. */
  async function askToRead<Result>(action: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(action);
      } catch (error) {
        if (attempt === readAttempts || isSilence(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, readRetryMs * 2 ** attempt));
      }
    }
  }

  const readSession = async (key: SessionKey): Promise<StoredSession | undefined> => {
    let fields = await connection.hgetall(keys.session(key));
    let queue: string[] = [];
    // only behind a running turn does any wait; most sessions are idle, and a storm of reconnects reads them all
    if (fields.running !== undefined)
      [fields, queue] = await Promise.all([
        connection.hgetall(keys.session(key)),
        connection.lrange(keys.queue(key), 0, -1),
      ]);
    if (fields.epoch === undefined) return undefined;
    return {
      tenant: key.tenant,
      session: key.session,
      epoch: fields.epoch,
      head: Number(fields.head),
      start: fields.start === undefined ? undefined : Number(fields.start),
      settings: JSON.parse(fields.settings ?? '{}') as Settings,
      createdAt: Number(fields.createdAt),
      turns: Number(fields.turns),
      running: fields.running,
      owner: fields.owner,
      unfinishedFrom: fields.from === undefined ? undefined : Number(fields.from),
      queue,
      pinned: fields.pinned === undefined ? undefined : pinnedOf(fields.pinned),
      version: fields.version === undefined ? undefined : Number(fields.version),
    };
  };

  const retention = createRedisRetention({ connection, keys, node, ask });

  /**
   * A node that was buried may have claimed all the same: its life is in another slot than the session. Who takes over
   * has then perhaps read its sessions already and is called again.
   */
  async function mustLive(key: SessionKey): Promise<void> {
    if ((await connection.exists(keys.life(node))) === 1) return;
    // not the member of earlier claims, which may just be ticked off
    await connection.sadd(keys.sessions(node), JSON.stringify([key.tenant, key.session, 'late']));
    await connection.sadd(keys.nodes(), node);
    throw new LeaseLostError();
  }

  async function claim(request: ClaimRequest, added: Promise<unknown>): Promise<ClaimResult> {
    const { record } = request;
    // one server runs them in this order; the parts of a Cluster know nothing of each other
    if (connection.isCluster) await added;
    const claimed = connection.parleyClaim(
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
    );
    await Promise.all([added, claimed]);
    const [outcome, ...details] = (await claimed) as [string, ...(string | number)[]];
    if (claimOutcomes.has(outcome)) {
      await mustLive(request);
      const existing = outcome === 'duplicate' ? parseStoredTurn(String(details[0])) : undefined;
      // one that runs on another node is ended there, and may be removed after that
      const isOwn = existing === undefined || (existing.state === 'unfinished' && existing.record.node === node);
      if (isOwn) writes.claimed(request, record.turn);
    }
    switch (outcome) {
      case 'running':
        return {
          outcome,
          pos: Number(details[0]),
          tombstoned: details[1] === 1,
          version: Number(details[2]) || undefined,
        };
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
    const [outcome, detail = '', running = '', at] = (await connection.parleyEnd(
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
      firstOf(entry),
      request.unfinishedFrom ?? '',
    )) as [string, string?, string?, number?];
    if (at !== undefined) retention.index(request, at);
    if (outcome === 'ended' || outcome === 'already_ended') {
      writes.ended(request, entry.turn, head);
      if (running === '') {
        log.settled(request);
        sessions.settled(request);
      }
      await replicaWait?.wait(keys.mark(request));
    }
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
    accounts: createRedisAccounts({ connection, keys, ask, askToRead }),
    records: createRedisRecords({ connection, keys, ask, askToRead }),
    createSession: (key, settings, epoch, at) =>
      ask(async () => {
        const created = await connection.parleyCreateSession(keys.session(key), epoch, JSON.stringify(settings), at);
        if (created !== 0) {
          await connection.sadd(keys.tenants(), key.tenant);
          writes.ended(key);
          // as the command wrote it: reading it again costs more than making it
          return { created: true, session: newSession(key, settings, epoch, at) };
        }
        const session = await readSession(key);
        if (session === undefined) throw new StoreError('The session was erased while it was made.');
        return { created: false, session };
      }),
    readSession: (key) => askToRead(() => readSession(key)),
    updateSettings: (key, settings) =>
      ask(async () => void (await connection.parleyUpdateSettings(keys.session(key), JSON.stringify(settings)))),
    ...createRedisWindows({ connection, keys, ask, askToRead }),
    deleteSession: (key) =>
      ask(async () => {
        writes.forget(key);
        await connection.set(keys.erased(key), 1, 'PX', erasedMs);
        await connection.unlink(...keys.allOf(key));
        await retention.forget(key);
      }),
    claim: (request) => ask(() => sessions.claim(request, (added) => claim(request, added))),
    readTurn: (key, turn) =>
      askToRead(async () => {
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
        const json = batchesJson(batches);
        log.appended(await append(json), batches, json.length);
      }),
    end: (request) => ask(() => end(request)),
    readEntries: (key, from, limit) =>
      askToRead(() =>
        readRange(
          key,
          () =>
            connection.xrange(keys.entries(key), `${from + 1}-0`, '+', 'COUNT', limit) as Promise<[string, string[]][]>,
        ),
      ),
    readTail: (key, before, limit) =>
      askToRead(() =>
        readRange(
          key,
          () =>
            connection.xrevrange(keys.entries(key), `${before - 1}-0`, '-', 'COUNT', limit) as Promise<
              [string, string[]][]
            >,
        ),
      ),
    logFrom(source) {
      unfinishedEvents = source;
    },
    // what dead nodes left is found by their leases, see the cluster room
    orphans: async () => [],
    adopt: (orphan) =>
      ask(() =>
        sessions.claim(orphan.session, async (added) => {
          const { session, unfinished } = orphan;
          // should this node die now, whoever takes over from it finds the turns as they were left to it
          await added;
          const batches = [{ tenant: session.tenant, session: session.session, events: orphan.log }];
          const json = JSON.stringify(batches);
          log.appended(await nodeLog.append(json), batches, json.length);
          const adopted = await connection.parleyAdoptSession(
            keys.session(session),
            keys.turns(session),
            node,
            ...unfinished.flatMap((record) => [record.turn, JSON.stringify({ ...record, node })]),
          );
          if (adopted !== 1) return false;
          for (const { turn } of unfinished) writes.claimed(session, turn);
          return true;
        }),
      ),
    retain: retention.retain,
    touch: retention.touch,
    expire: retention.expire,
    mayTidy: retention.mayTidy,
    tenants: retention.tenants,
    listSessions: retention.listSessions,
    ...createRedisNodes({ connection, subscriber, keys, node, writes, readSession, ask }),
    ...createLossRecovery({ connection, keys, node, nodeLog, writes, ask }),
    close,
  };
}

/** Nobody answered in time: another attempt would wait as long again. */
function isSilence(error: unknown): boolean {
  return error instanceof StoreError && error.cause instanceof Error && /timed? ?out/i.test(error.cause.message);
}
