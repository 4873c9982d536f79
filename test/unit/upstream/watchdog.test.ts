import { describe, expect, it } from 'vitest';
import { Watchdog } from '../../../src/upstream/watchdog.ts';
import { ManualClock } from './support/manual-clock.ts';

const timeouts = { connectMs: 100, firstTokenMs: 1000, idleMs: 200, totalMs: 5000 };

function start(bounds = timeouts) {
  const clock = new ManualClock();
  const expired: [string, number, number][] = [];
  const watchdog = new Watchdog(clock, bounds, (phase, boundMs) => expired.push([phase, boundMs, clock.now()]));
  return { clock, expired, watchdog };
}

describe('the watchdog', () => {
  it('bounds connecting', () => {
    const { clock, expired, watchdog } = start();
    clock.advance(300);
    watchdog.connecting();
    clock.advance(99);
    expect(expired).toEqual([]);
    clock.advance(1);
    expect(expired).toEqual([['connect', 100, 400]]);
  });

  it('bounds the wait for the first token, from the moment of sending', () => {
    const { clock, expired, watchdog } = start();
    watchdog.connecting();
    clock.advance(50);
    watchdog.sent();
    clock.advance(999);
    expect(expired).toEqual([]);
    clock.advance(1);
    expect(expired).toEqual([['firstToken', 1000, 1050]]);
  });

  it('bounds it also where it is shorter than the bound of connecting', () => {
    const { clock, expired, watchdog } = start({ ...timeouts, connectMs: 4000 });
    watchdog.connecting();
    clock.advance(10);
    watchdog.sent();
    clock.advance(2000);
    expect(expired).toEqual([['firstToken', 1000, 1010]]);
  });

  it('bounds the silence between tokens', () => {
    const { clock, expired, watchdog } = start();
    watchdog.connecting();
    watchdog.sent();
    for (let token = 0; token < 10; token += 1) {
      clock.advance(150);
      watchdog.alive();
    }
    expect(expired).toEqual([]);
    clock.advance(1000);
    expect(expired).toEqual([['idle', 200, 1700]]);
  });

  it('bounds the whole, however lively it is', () => {
    const { clock, expired, watchdog } = start();
    watchdog.connecting();
    watchdog.sent();
    for (let token = 0; token < 100; token += 1) {
      clock.advance(100);
      watchdog.alive();
    }
    expect(expired).toEqual([['total', 5000, 5000]]);
  });

  it('sets no timer per token', () => {
    const { clock, watchdog } = start();
    watchdog.connecting();
    watchdog.sent();
    watchdog.alive();
    const before = clock.timersSet;
    for (let token = 0; token < 10_000; token += 1) watchdog.alive();
    expect(clock.timersSet).toBe(before);
    expect(clock.pending).toBe(1);
  });

  it('says nothing after it was stopped, and leaves no timer', () => {
    const { clock, expired, watchdog } = start();
    watchdog.sent();
    watchdog.stop();
    watchdog.alive();
    watchdog.sent();
    clock.advance(100_000);
    expect([expired, clock.pending]).toEqual([[], 0]);
  });

  it('takes Infinity as no bound', () => {
    const bounds = { ...timeouts, totalMs: Infinity, idleMs: Infinity, firstTokenMs: Infinity };
    const { clock, expired, watchdog } = start(bounds);
    watchdog.sent();
    clock.advance(2 ** 33);
    watchdog.alive();
    expect(expired).toEqual([]);
  });

  it('gives bytes that wait a chance after the process itself slept', () => {
    const { clock, expired, watchdog } = start({ ...timeouts, totalMs: 1_000_000 });
    watchdog.sent();
    watchdog.alive();
    clock.jump(60_000);
    expect(expired).toEqual([]);
    watchdog.alive();
    clock.advance(199);
    expect(expired).toEqual([]);
    clock.jump(60_000);
    clock.advance(50);
    expect(expired.map(([phase]) => phase)).toEqual(['idle']);
  });
});
