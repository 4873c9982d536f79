import type { RecordCondition, RecordStore } from '../record-contract.ts';
import type { RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';

export interface RedisRecordsOptions {
  connection: RedisConnection;
  keys: RedisKeys;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
  askToRead<Result>(action: () => Promise<Result>): Promise<Result>;
}

/** Records in Redis: those that stay in a hash with an index of their ids, those that run out as keys of their own. */
export function createRedisRecords({ connection, keys, ask, askToRead }: RedisRecordsOptions): RecordStore {
  const keysOf = (collection: string, id: string): string[] => [
    keys.records(collection),
    keys.recordIds(collection),
    keys.recordVersion(collection),
    keys.record(collection, id),
  ];
  return {
    read: (collection, id) =>
      askToRead(async () => {
        const [passing, lasting] = await Promise.all([
          connection.get(keys.record(collection, id)),
          connection.hget(keys.records(collection), id),
        ]);
        return passing ?? lasting ?? undefined;
      }),
    write: (collection, id, value, { ttlMs, only } = {}) =>
      ask(async () => {
        const condition = conditionOf(only);
        const ttl = ttlMs === undefined ? '' : Math.max(1, Math.ceil(ttlMs));
        return (await connection.parleyWriteRecord(...keysOf(collection, id), id, value, ttl, ...condition)) === 1;
      }),
    take: (collection, id) =>
      ask(async () => {
        const value = await connection.parleyTakeRecord(...keysOf(collection, id), id);
        return typeof value === 'string' ? value : undefined;
      }),
    list: (collection, after, limit) =>
      askToRead(async () => {
        const from = after === undefined ? '-' : `(${after}`;
        const ids = await connection.zrangebylex(keys.recordIds(collection), from, '+', 'LIMIT', 0, limit);
        if (ids.length === 0) return [];
        const values = await connection.hmget(keys.records(collection), ...ids);
        // one may have been taken in between
        return ids.flatMap((id, i) => (values[i] == null ? [] : [{ id, value: values[i] }]));
      }),
    version: (collection) => askToRead(async () => Number((await connection.get(keys.recordVersion(collection))) ?? 0)),
  };
}

function conditionOf(only: RecordCondition | undefined): [string, string] {
  return typeof only === 'object' ? ['was', only.was] : [only ?? '', ''];
}
