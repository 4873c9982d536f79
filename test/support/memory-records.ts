import type { RecordStore } from '../../src/store/record-contract.ts';

/** Records in memory, whose steps are run by `step`. */
export function createMemoryRecords(
  step: <Result>(action: () => Result) => Promise<Result> = async (action) => action(),
): RecordStore {
  const records = new Map<string, { value: string; until: number | undefined }>();
  const versions = new Map<string, number>();
  const name = (collection: string, id: string): string => JSON.stringify([collection, id]);
  const changed = (collection: string): void => void versions.set(collection, (versions.get(collection) ?? 0) + 1);

  function known(collection: string, id: string) {
    const record = records.get(name(collection, id));
    return record?.until === undefined || record.until > Date.now() ? record : undefined;
  }

  return {
    read: (collection, id) => step(() => known(collection, id)?.value),
    write: (collection, id, value, { ttlMs, only } = {}) =>
      step(() => {
        const before = known(collection, id);
        if (only === 'new' && before !== undefined) return false;
        if (only === 'existing' && before === undefined) return false;
        if (typeof only === 'object' && before?.value !== only.was) return false;
        records.set(name(collection, id), { value, until: ttlMs === undefined ? undefined : Date.now() + ttlMs });
        if (ttlMs === undefined || (before !== undefined && before.until === undefined)) changed(collection);
        return true;
      }),
    take: (collection, id) =>
      step(() => {
        const before = known(collection, id);
        records.delete(name(collection, id));
        if (before !== undefined && before.until === undefined) changed(collection);
        return before?.value;
      }),
    list: (collection, after, limit) =>
      step(() =>
        [...records]
          .map(([key, record]) => ({ key: JSON.parse(key) as [string, string], record }))
          .filter(({ key: [of, id], record }) => of === collection && record.until === undefined && id > (after ?? ''))
          .map(({ key: [, id], record }) => ({ id, value: record.value }))
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .slice(0, limit),
      ),
    version: (collection) => step(() => versions.get(collection) ?? 0),
  };
}
