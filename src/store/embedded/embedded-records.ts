import type { RecordStore } from '../record-contract.ts';
import type { JournaledDatabase } from './journaled-database.ts';
import { keys } from './keys.ts';

export interface EmbeddedRecordsOptions {
  database: JournaledDatabase;
}

interface PassingRecord {
  value: string;
  /** Milliseconds since 1970. */
  until: number;
}

/** Of those that ran out this many go with each write of another. */
const tidyStep = 100;

/** Records in LMDB. One that ran out is not seen any more, and removed with a later write or the next start. */
export function createEmbeddedRecords({ database }: EmbeddedRecordsOptions): RecordStore {
  const passing = (collection: string, id: string): PassingRecord | undefined => {
    const record = database.get(keys.passingRecord(collection, id)) as PassingRecord | undefined;
    return record !== undefined && record.until > Date.now() ? record : undefined;
  };
  const lasting = (collection: string, id: string): string | undefined =>
    database.get(keys.record(collection, id)) as string | undefined;
  const read = (collection: string, id: string): string | undefined =>
    passing(collection, id)?.value ?? lasting(collection, id);

  function changed(collection: string): void {
    database.put(keys.recordVersion(collection), versionOf(collection) + 1);
  }

  const versionOf = (collection: string): number =>
    (database.get(keys.recordVersion(collection)) as number | undefined) ?? 0;

  function remove(collection: string, id: string): void {
    database.remove(keys.passingRecord(collection, id));
    if (lasting(collection, id) === undefined) return;
    database.remove(keys.record(collection, id));
    changed(collection);
  }

  /** Inside a transaction. */
  function tidy(limit: number): void {
    const now = Date.now();
    for (const key of database.getKeys({ ...keys.runOutRange(now), limit })) {
      const [, , collection, id] = key as unknown as [string, number, string, string];
      database.remove(key);
      // it may have been written anew since
      const record = database.get(keys.passingRecord(collection, id)) as PassingRecord | undefined;
      if (record !== undefined && record.until <= now) database.remove(keys.passingRecord(collection, id));
    }
  }

  database.transaction(() => tidy(Number.MAX_SAFE_INTEGER));

  return {
    read: async (collection, id) => read(collection, id),
    write: (collection, id, value, { ttlMs, only } = {}) =>
      database.commit(() => {
        const known = read(collection, id);
        if (only === 'new' && known !== undefined) return false;
        if (only === 'existing' && known === undefined) return false;
        if (typeof only === 'object' && known !== only.was) return false;
        if (ttlMs === undefined) {
          database.remove(keys.passingRecord(collection, id));
          database.put(keys.record(collection, id), value);
          changed(collection);
          return true;
        }
        tidy(tidyStep);
        remove(collection, id);
        const until = Date.now() + ttlMs;
        database.put(keys.passingRecord(collection, id), { value, until } satisfies PassingRecord);
        database.put(keys.runningOut(collection, id, until), 1);
        return true;
      }),
    take: (collection, id) =>
      database.commit(() => {
        const value = read(collection, id);
        if (value !== undefined) remove(collection, id);
        return value;
      }),
    list: async (collection, after, limit) =>
      database.getRange({ ...keys.recordRange(collection, after), limit }).map(({ key, value }) => ({
        id: (key as unknown as [string, string, string])[2],
        value: value as string,
      })),
    version: async (collection) => versionOf(collection),
  };
}
