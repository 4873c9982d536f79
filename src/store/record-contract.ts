export type RecordCondition = 'new' | 'existing' | { was: string };

/**
 * Small records that are no part of a session: keys, tickets, answers of requests that may be repeated. A collection is named by
 * whoever owns it, with the tenant in its name where it is one tenant's. Values are JSON text. Times by the store's clock.
 * Failures are `StoreError`: outcome unknown.
 */
export interface RecordStore {
  read(collection: string, id: string): Promise<string | undefined>;
  /**
   * Answers whether it was written. `only`: not unless there is none yet, or one already, or it `was` what the caller has
   * read. With `ttlMs` it is gone after that, and not listed.
   */
  write(
    collection: string,
    id: string,
    value: string,
    options?: { ttlMs?: number | undefined; only?: RecordCondition | undefined },
  ): Promise<boolean>;
  /** Reads and removes in one step: of many who ask at once one gets it. */
  take(collection: string, id: string): Promise<string | undefined>;
  /** Those without `ttlMs`, by id, from behind `after` on. */
  list(collection: string, after: string | undefined, limit: number): Promise<{ id: string; value: string }[]>;
  /** Grows with every write and removal of what is listed: whoever keeps a copy sees that it is old. */
  version(collection: string): Promise<number>;
}
