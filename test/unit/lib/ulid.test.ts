import { expect, test } from 'vitest';
import { fullJitterMs } from '../../../src/lib/backoff.ts';
import { createUlidMaker } from '../../../src/lib/ulid.ts';

test('ids are ULIDs, sort in the order made, and are unique within a millisecond', () => {
  let nowMs = 1_469_918_176_385;
  const make = createUlidMaker(() => nowMs);
  const ids = Array.from({ length: 5_000 }, (_, i) => {
    if (i % 100 === 0) nowMs++;
    return make();
  });
  expect(ids.every((id) => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id))).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]!.slice(0, 10)).toBe('01ARYZ6S42');
});

test('a clock that goes back does not disturb the order, and a full random part carries on', () => {
  let nowMs = 1_000_000;
  const make = createUlidMaker(
    () => nowMs,
    (length) => new Uint8Array(length).fill(255),
  );
  const first = make();
  nowMs = 5;
  expect(make().slice(0, 10)).toBe(first.slice(0, 10));
});

test('full jitter stays between nothing and its bound', () => {
  for (let attempt = 0; attempt < 60; attempt++) {
    expect(fullJitterMs(attempt, 500, 20_000, () => 0)).toBe(0);
    expect(fullJitterMs(attempt, 500, 20_000, () => 0.999_999)).toBeLessThan(Math.min(20_000, 500 * 2 ** attempt));
  }
});
