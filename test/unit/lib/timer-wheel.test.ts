import { expect, test } from 'vitest';
import { createTimerWheel } from '../../../src/lib/timer-wheel.ts';

/** A clock whose one timer fires when the test says so. */
function createScene() {
  let now = 0;
  let pending: { atMs: number; callback: () => void } | undefined;
  const wheel = createTimerWheel({
    now: () => now,
    setTimer(callback, delayMs) {
      pending = { atMs: now + delayMs, callback };
      return { cancel: () => (pending = undefined) };
    },
  });
  const advance = (ms: number, stepMs = 1): void => {
    for (const end = now + ms; now < end; ) {
      now += stepMs;
      const due = pending;
      if (due === undefined || due.atMs > now) continue;
      pending = undefined;
      due.callback();
    }
  };
  return { wheel, advance, now: () => now, isIdle: () => pending === undefined };
}

test('calls come when they are due, those far away as well, and then no timer runs', () => {
  const { wheel, advance, now, isIdle } = createScene();
  const called: [string, number][] = [];
  for (const [name, at] of [
    ['b', 20],
    ['a', 5],
    ['far', 3_000],
  ] as const)
    wheel.at(at, () => called.push([name, now()]));
  advance(4_000);
  expect(called).toEqual([
    ['a', 5],
    ['b', 20],
    ['far', 3_000],
  ]);
  expect(isIdle()).toBe(true);
});

test('a callback may ask to be called again, and a time that is past is the next tick', () => {
  const { wheel, advance, now } = createScene();
  const called: number[] = [];
  const again = (): void => {
    called.push(now());
    if (called.length < 3) wheel.at(now() - 10, again);
  };
  wheel.at(10, again);
  advance(20);
  expect(called).toEqual([10, 11, 12]);
});

test('after a stall everything that is due comes at once', () => {
  const { wheel, advance } = createScene();
  let called = 0;
  for (let at = 1; at <= 5_000; at += 7) wheel.at(at, () => called++);
  advance(6_000, 6_000);
  expect(called).toBe(715);
});

test('a closed wheel calls nothing', () => {
  const { wheel, advance } = createScene();
  wheel.at(5, () => expect.unreachable());
  wheel.close();
  advance(10);
});
