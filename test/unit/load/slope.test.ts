import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/load/random.ts';
import { growthOf, slopeOf } from '../../../src/load/slope.ts';

const samples = (count: number, of: (second: number) => number) =>
  Array.from({ length: count }, (_, second) => ({ second, value: of(second) }));

test('a straight line is its slope, without a doubt', () => {
  const slope = slopeOf(samples(100, (second) => 5 + second / 3_600))!;
  expect(slope.perHour).toBeCloseTo(1);
  expect(slope.errorPerHour).toBeCloseTo(0);
  expect(growthOf(slope)).toBeCloseTo(1);
});

test('a leak is found in a heap that breathes', () => {
  const random = seededRandom(1);
  // a sawtooth of 20 MB in 7 s, noise, and 60 MB an hour
  const slope = slopeOf(samples(1_800, (second) => (second % 7) * 3 + random() * 5 + second / 60))!;
  expect(slope.perHour).toBeGreaterThan(55);
  expect(slope.perHour).toBeLessThan(65);
  expect(growthOf(slope)).toBeGreaterThan(50);
});

test('noise is not called growth in more than one of twenty runs', () => {
  let grown = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const slope = slopeOf(samples(300, (second) => (second % 7) * 3 + random() * 5))!;
    if (growthOf(slope) > 0) grown++;
  }
  expect(grown).toBeLessThanOrEqual(20);
});

test('waves that are slower than a block are not called growth either', () => {
  let grown = 0;
  for (let phase = 0; phase < 40; phase++) {
    const slope = slopeOf(samples(1_200, (second) => 10 * Math.sin(second / 60 + phase)))!;
    if (growthOf(slope) > 0) grown++;
  }
  expect(grown).toBeLessThanOrEqual(2);
});

test('a short run, and one without time, tell nothing', () => {
  expect(slopeOf(samples(7, (second) => second))).toBeUndefined();
  expect(slopeOf(samples(20, (second) => second).map(({ value }) => ({ second: 1, value })))).toBeUndefined();
});
