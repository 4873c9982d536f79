import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../../protocol/frames/common.ts';
import { assembleOrphan, orphanStart } from '../assemble-orphan.ts';
import { decideClaim, releaseTurn } from '../claim-rules.ts';
import { decidePin, mayReplaceSummary } from '../window-rules.ts';
import type {
  ClaimRequest,
  ClaimResult,
  EndRequest,
  EndResult,
  LogBatch,
  OrphanedSession,
  SessionKey,
  Store,
  StoredSession,
  StoredSummary,
  StoredTurn,
  TurnEntry,
} from '../contract.ts';
import { newSession } from '../new-session.ts';
import { StoreError, StoreStartError } from '../store-error.ts';
import { lockDirectory } from './directory-lock.ts';
import { createEmbeddedAccounts } from './embedded-accounts.ts';
import { createEmbeddedRecords } from './embedded-records.ts';
import { createEmbeddedRetention, type StoredEntry, withoutTime } from './embedded-retention.ts';
import { JournaledDatabase } from './journaled-database.ts';
import { keys } from './keys.ts';
import { NodeLog } from './node-log.ts';

export interface EmbeddedStoreOptions {
  /** Created when absent; one process at a time. */
  directory: string;
  /** `process` (default) survives `kill -9`; `disk` waits for the disk and survives a power cut. */
  durability?: 'process' | 'disk';
  segmentBytes?: number;
  /** What the log has could not be written into the database yet, such as where the disk is full. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

/** A cancel of an unknown turn is remembered this long. */
const tombstoneMs = 10 * 60_000;

/**
 * The store of one process: LMDB (https://github.com/kriszyp/lmdb-js) for sessions, turns and finished entries, an
 * append-only log beside it for the events of running turns. Throws `StoreStartError` when the directory is in use.
 */
export function openEmbeddedStore(options: EmbeddedStoreOptions): Store {
  const durability = options.durability ?? 'process';
  const unlock = lockDirectory(options.directory);
  let database: JournaledDatabase;
  let log: NodeLog;
  try {
    checkDatabaseFile(join(options.directory, 'sessions', 'data.mdb'));
    database = new JournaledDatabase({ directory: options.directory, durability, onTrouble: options.onTrouble });
    log = new NodeLog({
      directory: join(options.directory, 'node-log'),
      segmentBytes: options.segmentBytes ?? 64 * 1024 * 1024,
      durability,
    });
  } catch (error) {
    unlock();
    throw new StoreStartError(
      `The data directory ${options.directory} could not be opened: its files are damaged or of something else, or its disk is full; restore them, make room, or choose another with --data.`,
      error,
    );
  }

  const readStored = (key: SessionKey): StoredSession | undefined =>
    database.get(keys.session(key)) as StoredSession | undefined;
  const readStoredTurn = (key: SessionKey, turn: string): StoredTurn | undefined =>
    database.get(keys.turn(key, turn)) as StoredTurn | undefined;

  const retention = createEmbeddedRetention({ database, readStored, erase });

  function claim(request: ClaimRequest): ClaimResult {
    const { record } = request;
    const session = readStored(request);
    const tombstoneKey = keys.tombstone(request, record.turn);
    const tombstone = database.get(tombstoneKey) as number | undefined;
    const tombstoned = tombstone !== undefined && record.acceptedAt - tombstone < tombstoneMs;
    const result = decideClaim(session, readStoredTurn(request, record.turn), tombstoned, request);
    if (result.outcome === 'running' || result.outcome === 'queued' || result.outcome === 'replacing') {
      database.put(keys.session(request), session!);
      const pos = result.outcome === 'running' ? result.pos : undefined;
      database.put(keys.turn(request, record.turn), {
        state: 'unfinished',
        record: tombstoned ? { ...record, pos, tombstoned } : { ...record, pos },
      } satisfies StoredTurn);
      database.put(keys.unfinished(request), 1);
      if (tombstone !== undefined) database.remove(tombstoneKey);
    }
    return result;
  }

  function end(request: EndRequest): EndResult {
    const { entry } = request;
    const session = readStored(request);
    const turn = readStoredTurn(request, entry.turn);
    if (session === undefined || turn === undefined) return { outcome: 'unknown' };
    if (turn.state === 'finished') return { outcome: 'already_ended', status: turn.status };
    const next = releaseTurn(session, entry.turn, request.head, request.unfinishedFrom);
    retention.stored(session, entry, request.head);
    database.put(keys.turn(request, entry.turn), finishedTurn(request));
    if (session.running === undefined) database.remove(keys.unfinished(request));
    return { outcome: 'ended', next };
  }

  function orphan(key: SessionKey): OrphanedSession | undefined {
    const session = readStored(key);
    if (session?.running === undefined) return undefined;
    const unfinished = [session.running, ...session.queue]
      .map((turn) => readStoredTurn(key, turn))
      .filter((turn) => turn?.state === 'unfinished')
      .map((turn) => turn.record);
    const logged = log.recoveredEvents(key);
    const ended = entriesAfter(key, orphanStart(session, unfinished, logged)).flatMap((entry) => entry.events);
    return assembleOrphan(session, unfinished, logged, ended);
  }

  function erase(key: SessionKey): void {
    retention.forget(key);
    for (const kind of ['turn', 'entry', 'tombstone', 'text'] as const) {
      for (const found of database.getKeys(keys.sessionRange(kind, key))) database.remove(found);
    }
    database.remove(keys.session(key));
    database.remove(keys.summary(key));
    database.remove(keys.unfinished(key));
    log.release(key);
  }

  function entriesAfter(key: SessionKey, from: number, limit?: number): TurnEntry[] {
    const range = {
      start: keys.entry(key, from + 1),
      end: keys.sessionRange('entry', key).end,
      limit: limit ?? Number.MAX_SAFE_INTEGER,
    };
    return database.getRange(range).map(({ value }) => withoutTime(value as StoredEntry));
  }

  forgetOldTombstones(database);
  const accounts = createEmbeddedAccounts({ database });
  for (const key of log.recoveredSessions()) if (readStored(key)?.running === undefined) log.release(key);

  return {
    kind: 'embedded',
    accounts,
    records: createEmbeddedRecords({ database }),
    createSession: (key, settings, epoch, at) =>
      database.commit(() => {
        const existing = readStored(key);
        if (existing !== undefined) return { created: false, session: existing };
        const session = newSession(key, settings, epoch, at);
        // listed with its first use: an index entry costs as much memory as half an idle session
        database.put(keys.session(key), session);
        return { created: true, session };
      }),
    readSession: async (key) => readStored(key),
    updateSettings: (key: SessionKey, settings: Settings) =>
      database.commit(() => {
        const session = readStored(key);
        if (session !== undefined) database.put(keys.session(key), { ...session, settings });
      }),
    setPinned: (key, turn, isPinned, max) =>
      database.commit(() => {
        const session = readStored(key);
        if (session === undefined || readStoredTurn(key, turn) === undefined) return { outcome: 'turn_not_found' };
        const result = decidePin(session, turn, isPinned, max);
        if (result.outcome === 'set') database.put(keys.session(key), session);
        return result;
      }),
    keepText: (key, epoch, id, text) =>
      database.commit(() => {
        if (readStored(key)?.epoch === epoch) database.put(keys.text(key, id), text);
      }),
    readText: async (key, id) => database.get(keys.text(key, id)) as string | undefined,
    readSummary: async (key) => database.get(keys.summary(key)) as StoredSummary | undefined,
    writeSummary: (key, epoch, replaces, summary) =>
      database.commit(() => {
        if (readStored(key)?.epoch !== epoch) return false;
        const stored = database.get(keys.summary(key)) as StoredSummary | undefined;
        if (!mayReplaceSummary(stored, replaces, summary)) return false;
        database.put(keys.summary(key), summary);
        return true;
      }),
    deleteSession: (key) => database.commit(() => erase(key)),
    ...retention.methods,
    claim: (request) => database.commit(() => claim(request)),
    readTurn: async (key, turn) => readStoredTurn(key, turn),
    tombstone: (key, turn, at) =>
      database.commit(() => {
        const existing = readStoredTurn(key, turn);
        if (existing === undefined) database.put(keys.tombstone(key, turn), at);
        return existing;
      }),
    async append(batches: readonly LogBatch[]) {
      try {
        await log.append(batches);
      } catch (error) {
        throw new StoreError('The node log could not be written.', error);
      }
    },
    async end(request) {
      const result = await database.commit(() => end(request));
      if (result.outcome === 'ended' && result.next === undefined && readStored(request)?.running === undefined)
        log.release(request);
      return result;
    },
    noteHeard: (key, end, heard, outputTokens) =>
      database.commit(() => retention.changed(key, end, { heard, outputTokens })),
    readEntries: async (key, from, limit) => entriesAfter(key, from, limit),
    readTail: async (key, before, limit) => {
      const start = keys.entry(key, before - 1);
      const found = database.getRange({ start, end: keys.sessionRange('entry', key).start, reverse: true, limit });
      return [...found].map(({ value }) => withoutTime(value as StoredEntry));
    },
    orphans: async () =>
      database
        .getKeys(keys.unfinishedRange())
        .map((key) => {
          const [, tenant, session] = key as unknown as [string, string, string];
          return orphan({ tenant, session });
        })
        .filter((found) => found !== undefined),
    async adopt(orphan, node) {
      const { session, unfinished } = orphan;
      await log.adopt({ ...pick(session), events: orphan.log });
      return database.commit(() => {
        for (const record of unfinished) {
          database.put(keys.turn(session, record.turn), {
            state: 'unfinished',
            record: { ...record, node },
          } satisfies StoredTurn);
        }
        return true;
      });
    },
    async close() {
      await accounts.flushed();
      await database.close();
      log.close();
      unlock();
    },
  };
}

/** LMDB reads a damaged file without a question and takes the process down with it. Throws unless the file is one of its own. */
function checkDatabaseFile(path: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(28);
  const descriptor = openSync(path, 'r');
  const bytes = readSync(descriptor, head);
  closeSync(descriptor);
  // MDB_MAGIC of mdb.c in the first meta page, behind the page header of 24 bytes that lmdb-js uses
  if (bytes > 0 && (bytes < 28 || head.readUInt32LE(24) !== 0xbeefc0de))
    throw new Error(`${path} is not a database of this store`);
}

function forgetOldTombstones(database: JournaledDatabase): void {
  database.transaction(() => {
    for (const { key, value } of database.getRange(keys.tombstoneRange()))
      if (Date.now() - (value as number) > tombstoneMs) database.remove(key);
  });
}

function finishedTurn(request: EndRequest): StoredTurn {
  return { state: 'finished', fingerprint: request.entry.fingerprint, status: request.status, end: request.head };
}

function pick(key: SessionKey): SessionKey {
  return { tenant: key.tenant, session: key.session };
}
