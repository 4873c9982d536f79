import { expect, test } from 'vitest';
import { isReached, judged, limitOf } from '../../../bench/report/judge.ts';
import { sampleRow } from './sample-result.ts';

const verdicts = (row: ReturnType<typeof sampleRow>) => judged(row).figures.map(({ verdict }) => verdict);

test('a value at most the goal reaches it, and the verdict says by how much', () => {
  const goal = { text: '≤ 4 µs', limit: 4 };
  expect(verdicts(sampleRow({ parley: 3 }, goal))).toEqual([{ isReached: true, text: '1 µs, 25 % below 4 µs' }]);
  expect(verdicts(sampleRow({ parley: 5 }, goal))).toEqual([{ isReached: false, text: '1 µs, 25 % above 4 µs' }]);
  expect(verdicts(sampleRow({ parley: 4 }, goal))).toEqual([{ isReached: true, text: 'exactly the limit' }]);
});

test('where more is better the goal is the least', () => {
  const row = { ...sampleRow({ parley: 1_400 }, { text: '≥ 1,500', limit: 1_500 }), better: 'more' as const };
  expect(verdicts(row)[0]).toMatchObject({ isReached: false });
  expect(isReached(judged({ ...row, figures: [{ of: 'parley', name: 'Parley', value: 1_600 }] }))).toBe(true);
});

test('a goal may be a multiple of what another took in the same run', () => {
  const row = sampleRow({ parley: 21, nginx: 12 }, { text: '≤ 1.5 × nginx', limit: 1.5, times: 'nginx' });
  expect(limitOf(row)).toBe(18);
  expect(verdicts(row)[0]).toEqual({ isReached: false, text: '3 µs, 16.7 % above 18 µs (1.75 ×)' });
});

test('without the other it cannot be told, and is neither reached nor missed', () => {
  const row = sampleRow({ parley: 21, nginx: undefined }, { text: '≤ 1.5 × nginx', limit: 1.5, times: 'nginx' });
  expect(verdicts(row)[0]).toEqual({ text: 'cannot be told: nginx was not measured' });
  expect(isReached(judged(row))).toBeUndefined();
});

test('every store has its verdict, and the goal is reached when all are', () => {
  const goal = { text: '≤ 4 µs', limit: 4 };
  expect(isReached(judged(sampleRow({ parley: 3, 'parley-redis': 3.5 }, goal)))).toBe(true);
  expect(isReached(judged(sampleRow({ parley: 3, 'parley-redis': 5 }, goal)))).toBe(false);
  expect(isReached(judged(sampleRow({ parley: 3, 'parley-redis': undefined }, goal)))).toBeUndefined();
});

test('ratios are Parley’s value by each peer’s that has one', () => {
  const [parley, nginx] = judged(sampleRow({ parley: 20, nginx: 10, portkey: undefined, idle: 0 })).figures;
  expect(parley?.ratios).toEqual({ nginx: 2 });
  expect(nginx?.ratios).toBeUndefined();
});
