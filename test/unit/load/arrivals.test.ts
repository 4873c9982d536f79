import { expect, test } from 'vitest';
import { arrivalMs, scheduleArrivals } from '../../../src/load/arrivals.ts';
import { ManualClock } from '../upstream/support/manual-clock.ts';

test('a rate that grows reaches its height at the end of the ramp', () => {
  const rate = { perSecond: 10, rampMs: 2_000 };
  expect(arrivalMs(0, rate)).toBe(0);
  // half of the rate on average: 10 arrivals in the ramp
  expect(arrivalMs(10, rate)).toBe(2_000);
  expect(arrivalMs(11, rate)).toBe(2_100);
  expect(arrivalMs(5, { perSecond: 100, rampMs: 0 })).toBe(50);
});

function record(options: { atMs: (index: number) => number; endMs: number }) {
  const clock = new ManualClock();
  const arrivals: { intendedMs: number; atMs: number }[] = [];
  const stop = scheduleArrivals({
    clock,
    startMs: 0,
    ...options,
    onArrival: (intendedMs) => arrivals.push({ intendedMs, atMs: clock.now() }),
  });
  return { clock, arrivals, stop };
}

test('things begin when they are meant to, and none after the end', () => {
  const { clock, arrivals } = record({ atMs: (index) => index * 10, endMs: 35 });
  clock.advance(100);
  expect(arrivals.map(({ intendedMs }) => intendedMs)).toEqual([0, 10, 20, 30]);
  expect(arrivals.every(({ intendedMs, atMs }) => intendedMs === atMs)).toBe(true);
});

test('what could not begin in time is told the time that was intended', () => {
  const clock = new ManualClock();
  const intended: number[] = [];
  // the process was held up until now
  clock.advance(25);
  scheduleArrivals({
    clock,
    startMs: 0,
    endMs: 100,
    atMs: (index) => index * 10,
    onArrival: (ms) => intended.push(ms),
  });
  expect(intended).toEqual([0, 10, 20]);
});

test('stopped, nothing begins any more', () => {
  const { clock, arrivals, stop } = record({ atMs: (index) => index * 10, endMs: 100 });
  clock.advance(15);
  stop();
  clock.advance(100);
  expect(arrivals.length).toBe(2);
});
