import { expect, test } from 'vitest';
import type { Write } from '../../../src/store/embedded/journal.ts';
import { keys } from '../../../src/store/embedded/keys.ts';
import { addressOf, PendingWrites } from '../../../src/store/embedded/pending-writes.ts';

const at = (i: number) => ({ tenant: `t${i % 3}`, session: `s${i}` });

function filled(json: string): PendingWrites {
  const writes = new PendingWrites();
  const set = (key: readonly unknown[]): void => writes.set(addressOf(key), [key, json]);
  for (let i = 0; i < 300; i++) {
    set(keys.session(at(i)));
    set(keys.used(at(i), 1_000 + i));
    for (const turn of ['a', 'b']) set(keys.turn(at(i), turn));
    for (const end of [3, 9]) set(keys.entry(at(i), end));
  }
  return writes;
}

const keysNear = (writes: PendingWrites, { start, end }: { start: readonly unknown[]; end: readonly unknown[] }) =>
  [...writes.near(start, end)].map(([key]) => key);

test('what waits of one session is found without a look at the others', () => {
  const writes = filled('1');
  const own = [keys.entry(at(7), 3), keys.entry(at(7), 9)];
  const range = keys.sessionRange('entry', at(7));
  expect(keysNear(writes, range)).toEqual(own);
  expect(keysNear(writes, { start: range.end, end: range.start })).toEqual(own);
  expect(keysNear(writes, { start: keys.entry(at(7), 4), end: range.end })).toEqual(own);
  expect(keysNear(writes, keys.sessionRange('text', at(7)))).toEqual([]);
});

test('a range over many sessions finds all of its kind', () => {
  const writes = filled('1');
  expect(keysNear(writes, keys.usedRange('t1'))).toHaveLength(300);
  expect(keysNear(writes, { start: ['turn'], end: ['turn', 't9'] })).toHaveLength(600);
  expect([...writes]).toHaveLength(6 * 300);
});

test('what is newer takes the place of what is there', () => {
  const writes = filled('1');
  const newer = new PendingWrites();
  const changed: Write = [keys.turn(at(7), 'a'), undefined];
  const other: Write = [keys.turn({ tenant: 'new', session: 's' }, 'a'), '2'];
  for (const write of [changed, other]) newer.set(addressOf(write[0]), write);
  writes.add(newer);
  expect(writes.get(addressOf(changed[0]))).toBe(changed);
  expect(writes.get(addressOf(other[0]))).toBe(other);
  expect(writes.get(addressOf(keys.turn(at(7), 'b')))?.[1]).toBe('1');
  expect([...writes]).toHaveLength(6 * 300 + 1);
});
