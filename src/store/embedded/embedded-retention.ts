import { endOfAll } from '../../session/log-event.ts';
import type { RetentionPolicy, SessionKey, SessionUse, Store, StoredSession, TurnEntry } from '../contract.ts';
import { decideCut, firstOf, type RetainedTurn, type RetentionState, retentionStep } from '../retention-rules.ts';
import type { JournaledDatabase } from './journaled-database.ts';
import { keys } from './keys.ts';

export interface EmbeddedRetentionOptions {
  database: JournaledDatabase;
  readStored(key: SessionKey): StoredSession | undefined;
  /** Inside a transaction. */
  erase(key: SessionKey): void;
}

/** What the session's record holds beside what other rooms see. */
interface UsedSession extends StoredSession {
  bytes?: number;
  usedAt?: number;
}

/** An entry and when it was stored, milliseconds since 1970. */
export type StoredEntry = TurnEntry & { at?: number };

type RetentionMethods = Pick<Store, 'retain' | 'touch' | 'expire' | 'mayTidy' | 'tenants' | 'listSessions'>;

export interface EmbeddedRetention {
  readonly methods: RetentionMethods;
  /** Writes the session's record as in use now; inside a transaction. */
  use(session: StoredSession): void;
  /** Writes an entry, and the record of its session; inside a transaction. */
  stored(session: StoredSession, entry: TurnEntry, end: number): void;
  /** Writes a stored entry anew; inside a transaction. */
  changed(key: SessionKey, end: number, change: Partial<TurnEntry>): void;
  /** The session is being erased; inside a transaction. */
  forget(key: SessionKey): void;
}

/** What removes old turns and unused sessions of the embedded store. */
export function createEmbeddedRetention(options: EmbeddedRetentionOptions): EmbeddedRetention {
  const { database, erase } = options;
  const readStored = (key: SessionKey): UsedSession | undefined => options.readStored(key);

  function use(session: UsedSession): void {
    if (session.usedAt !== undefined) database.remove(keys.used(session, session.usedAt));
    else database.put(keys.tenant(session.tenant), 1);
    session.usedAt = Date.now();
    database.put(keys.used(session, session.usedAt), 1);
    database.put(keys.session(session), session);
  }

  function oldestOf(key: SessionKey, limit: number): RetainedTurn[] {
    const range = { ...keys.sessionRange('entry', key), limit };
    return database.getRange(range).map(({ value }) => {
      const entry = value as StoredEntry;
      return { first: firstOf(entry), end: endOfAll(entry.events), bytes: bytesOf(entry), at: entry.at ?? 0 };
    });
  }

  /** Those of the oldest turns that go. */
  function cutOf(key: SessionKey, state: RetentionState, policy: RetentionPolicy): RetainedTurn[] {
    for (let limit = retentionStep; ; limit *= 2) {
      const oldest = oldestOf(key, limit);
      const count = decideCut(oldest, oldest.length < limit, state, policy);
      if (count !== undefined) return oldest.slice(0, count);
    }
  }

  function removeEntry(session: UsedSession, end: number): void {
    const { turn } = database.get(keys.entry(session, end)) as TurnEntry;
    database.remove(keys.entry(session, end));
    database.remove(keys.turn(session, turn));
    session.pinned = session.pinned?.filter((pinned) => pinned !== turn);
  }

  function useOf(tenant: string, key: unknown): SessionUse {
    const [, , at, session] = key as [string, string, number, string];
    const stored = readStored({ tenant, session });
    return { session, idleMs: Math.max(0, Date.now() - at), bytes: stored?.bytes ?? 0, isGone: stored === undefined };
  }

  return {
    use,
    stored(session: UsedSession, entry, end) {
      const stored: StoredEntry = { ...entry, at: Date.now() };
      session.bytes = (session.bytes ?? 0) + bytesOf(stored);
      database.put(keys.entry(session, end), stored);
      use(session);
    },
    changed(key, end, change) {
      const entry = database.get(keys.entry(key, end)) as StoredEntry | undefined;
      const session = readStored(key);
      if (entry === undefined || session === undefined) return;
      const changed = { ...entry, ...change };
      session.bytes = (session.bytes ?? 0) + bytesOf(changed) - bytesOf(entry);
      database.put(keys.entry(key, end), changed);
      database.put(keys.session(key), session);
    },
    forget(key) {
      const stored = readStored(key);
      if (stored?.usedAt !== undefined) database.remove(keys.used(key, stored.usedAt));
    },
    methods: {
      retain: (key, policy) =>
        database.commit(() => {
          const session = readStored(key);
          if (session === undefined) return undefined;
          const state = {
            turns: policy.maxTurns === undefined ? 0 : database.countKeys(keys.sessionRange('entry', key)),
            bytes: session.bytes ?? 0,
            now: Date.now(),
            unfinishedFrom: session.unfinishedFrom,
          };
          const removed = cutOf(key, state, policy);
          for (const { end } of removed) removeEntry(session, end);
          const start = removed.at(-1)?.end ?? session.start ?? 0;
          if (removed.length === 0) return { start, removed: 0 };
          session.start = start;
          session.bytes = Math.max(
            0,
            removed.reduce((bytes, turn) => bytes - turn.bytes, state.bytes),
          );
          database.put(keys.session(key), session);
          return { start, removed: removed.length };
        }),
      touch: (key) =>
        database.commit(() => {
          const session = readStored(key);
          if (session !== undefined) use(session);
        }),
      expire: (key, idleMs) =>
        database.commit(() => {
          const session = readStored(key);
          if (session === undefined) return true;
          const isUsed = session.running !== undefined || Date.now() - (session.usedAt ?? 0) < idleMs;
          if (!isUsed) erase(key);
          return !isUsed;
        }),
      mayTidy: async () => true,
      tenants: async () => database.getKeys(keys.tenantRange()).map((key) => (key as unknown as [string, string])[1]),
      listSessions: async (tenant, offset, limit) =>
        database.getKeys({ ...keys.usedRange(tenant), offset, limit }).map((key) => useOf(tenant, key)),
    },
  };
}

export function withoutTime({ at: _at, ...entry }: StoredEntry): TurnEntry {
  return entry;
}

function bytesOf(entry: StoredEntry): number {
  return Buffer.byteLength(JSON.stringify(withoutTime(entry)));
}
