import { afterEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { temporaryDirectory } from '../support/test-gateway.ts';
import { storeList } from '../support/store-list.ts';

describe.each(storeList())('the record contract: $name', ({ open }) => {
  let store: Store;
  afterEach(() => store.close());

  test('writes, reads, takes once, and keeps collections apart', async () => {
    const { records } = (store = await open());
    expect(await records.read('keys', 'a')).toBeUndefined();
    expect(await records.write('keys', 'a', '{"n":1}')).toBe(true);
    expect(await records.read('keys', 'a')).toBe('{"n":1}');
    expect(await records.read('other', 'a')).toBeUndefined();
    expect(await records.take('keys', 'a')).toBe('{"n":1}');
    expect(await records.take('keys', 'a')).toBeUndefined();
    expect(await records.read('keys', 'a')).toBeUndefined();
  });

  test('writes on a condition', async () => {
    const { records } = (store = await open());
    expect(await records.write('c', 'a', '1', { only: 'existing' })).toBe(false);
    expect(await records.write('c', 'a', '1', { only: { was: '0' } })).toBe(false);
    expect(await records.read('c', 'a')).toBeUndefined();
    expect(await records.write('c', 'a', '1', { only: 'new' })).toBe(true);
    expect(await records.write('c', 'a', '2', { only: 'new' })).toBe(false);
    expect(await records.write('c', 'a', '2', { only: { was: '0' } })).toBe(false);
    expect(await records.read('c', 'a')).toBe('1');
    expect(await records.write('c', 'a', '2', { only: { was: '1' } })).toBe(true);
    expect(await records.write('c', 'a', '3', { only: 'existing' })).toBe(true);
    expect(await records.read('c', 'a')).toBe('3');
  });

  test('of many that write anew, or take, one does', async () => {
    const { records } = (store = await open());
    const written = await Promise.all(
      Array.from({ length: 50 }, (_, i) => records.write('c', 'a', String(i), { only: 'new' })),
    );
    expect(written.filter(Boolean)).toHaveLength(1);
    for (const options of [{}, { ttlMs: 60_000 }]) {
      await records.write('c', 'b', 'x', options);
      const taken = await Promise.all(Array.from({ length: 50 }, () => records.take('c', 'b')));
      expect(taken.filter((value) => value !== undefined)).toEqual(['x']);
    }
  });

  test('a record with a time to live is gone after it, and can be written anew', async () => {
    const { records } = (store = await open());
    await records.write('c', 'short', '1', { ttlMs: 30 });
    await records.write('c', 'long', '1', { ttlMs: 60_000 });
    await expect.poll(() => records.read('c', 'short')).toBeUndefined();
    expect(await records.take('c', 'short')).toBeUndefined();
    expect(await records.read('c', 'long')).toBe('1');
    expect(await records.write('c', 'short', '2', { ttlMs: 60_000, only: 'new' })).toBe(true);
    expect(await records.read('c', 'short')).toBe('2');
    // one that was written with a longer time stays
    await records.write('c', 'again', '1', { ttlMs: 30 });
    await records.write('c', 'again', '2', { ttlMs: 60_000 });
    await records.write('c', 'gone', '1', { ttlMs: 30 });
    await expect.poll(() => records.read('c', 'gone')).toBeUndefined();
    await records.write('c', 'other', '1', { ttlMs: 60_000 });
    expect(await records.read('c', 'again')).toBe('2');
  });

  test('lists what stays, page by page', async () => {
    const { records } = (store = await open());
    expect(await records.list('c', undefined, 10)).toEqual([]);
    for (const id of ['b', 'd', 'a', 'c', 'B']) await records.write('c', id, `of ${id}`);
    await records.write('c', 'passing', '1', { ttlMs: 60_000 });
    await records.write('c2', 'other', '1');
    expect(await records.list('c', undefined, 2)).toEqual([
      { id: 'B', value: 'of B' },
      { id: 'a', value: 'of a' },
    ]);
    expect((await records.list('c', 'a', 10)).map(({ id }) => id)).toEqual(['b', 'c', 'd']);
    await records.take('c', 'c');
    // what gets a time to live is listed no longer
    await records.write('c', 'b', 'now passing', { ttlMs: 60_000 });
    expect((await records.list('c', 'a', 10)).map(({ id }) => id)).toEqual(['d']);
    await records.write('c', 'b', 'stays again');
    expect((await records.list('c', 'a', 10)).map(({ id }) => id)).toEqual(['b', 'd']);
    expect(await records.read('c', 'b')).toBe('stays again');
  });

  test('the version grows with what is listed alone', async () => {
    const { records } = (store = await open());
    expect(await records.version('c')).toBe(0);
    await records.write('c', 'a', '1');
    const first = await records.version('c');
    expect(first).toBeGreaterThan(0);
    await records.write('c', 'passing', '1', { ttlMs: 60_000 });
    await records.take('c', 'passing');
    await records.take('c', 'nobody');
    await records.write('c2', 'a', '1');
    expect(await records.version('c')).toBe(first);
    await records.write('c', 'a', '2');
    const second = await records.version('c');
    expect(second).toBeGreaterThan(first);
    await records.take('c', 'a');
    expect(await records.version('c')).toBeGreaterThan(second);
  });
});

test('an embedded store keeps records over a restart, and forgets those that ran out', async () => {
  const directory = temporaryDirectory();
  const before = openEmbeddedStore({ directory });
  await before.records.write('c', 'a', '1');
  await before.records.write('c', 'long', '1', { ttlMs: 60_000 });
  await before.records.write('c', 'short', '1', { ttlMs: 1 });
  await expect.poll(() => before.records.read('c', 'short')).toBeUndefined();
  await before.close();
  const after = openEmbeddedStore({ directory });
  expect(await after.records.read('c', 'a')).toBe('1');
  expect(await after.records.read('c', 'long')).toBe('1');
  expect(await after.records.write('c', 'short', '2', { only: 'new' })).toBe(true);
  await after.close();
});
