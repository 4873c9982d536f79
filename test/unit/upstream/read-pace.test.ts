import { expect, test } from 'vitest';
import { createReadPace } from '../../../src/upstream/read-pace.ts';
import { startUpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { createTestUpstream, helloRequest, runAnswer, startAnswer } from './support/chat-upstream.ts';
import { ManualClock } from './support/manual-clock.ts';

function scene(waitMs: number) {
  const clock = new ManualClock();
  const loop = { share: 0 };
  const pace = createReadPace({ waitMs, busyShare: () => loop.share, clock });
  /** Whether a read of so many pieces waits, with the loop that busy since the last sample. */
  const waits = (share: number, pieces = 5): boolean => {
    loop.share = share;
    clock.advance(250);
    return pace.defer(() => pieces);
  };
  return { clock, loop, pace, waits };
}

test('nothing waits while the process has time, and what waits goes on to until it clearly has again', () => {
  const { waits } = scene(40);
  expect([0.1, 0.7, 0.89].map((share) => waits(share))).toEqual([false, false, false]);
  // the saving is what makes the share sink
  expect([0.95, 0.7, 0.61].map((share) => waits(share))).toEqual([true, true, true]);
  expect([0.59, 0.8, 0.9].map((share) => waits(share))).toEqual([false, false, true]);
});

test('where hardly anything comes together nothing waits for half a minute', () => {
  const { clock, waits } = scene(40);
  expect(waits(1, 2)).toBe(true);
  expect(waits(1, 2)).toBe(false);
  expect(waits(1, 5)).toBe(false);
  clock.advance(30_000);
  expect(waits(1, 5)).toBe(true);
  expect(waits(1, 5)).toBe(true);
});

test('what waits is read once, in the order in which it came, and a fault of one is its own', () => {
  const { clock, loop, pace } = scene(40);
  const read: number[] = [];
  loop.share = 1;
  clock.advance(250);
  for (let i = 0; i < 6; i++) {
    pace.defer(() => {
      if (i === 2) throw new Error('fault');
      return read.push(i);
    });
    clock.advance(i === 0 ? 0 : 3);
  }
  expect(() => clock.advance(100)).toThrow('fault');
  clock.advance(100);
  expect(read).toEqual([0, 1, 3, 4, 5]);
  expect(clock.pending).toBe(0);
});

test('it can be switched off', () => {
  const { waits } = scene(0);
  expect([waits(1), waits(1)]).toEqual([false, false]);
});

/** As if the process were always busy. */
const slow = { defer: (read: () => void) => setTimeout(read, 30) !== undefined };

test('an answer that gathers is whole', async () => {
  const double = await startUpstreamDouble();
  double.setPlan({ kind: 'stream', seed: 3, tokens: 200, intervalMs: 1 });
  const upstream = createTestUpstream({ baseUrl: double.url, pace: slow });
  const sink = await runAnswer(upstream);
  expect(sink.text).toBe(answerText(3, helloRequest.turn, 200));
  expect(sink.end).toEqual({ finish: 'stop', rawFinish: 'stop' });
  expect(sink.calls.filter(({ kind }) => kind === 'text').length).toBeGreaterThan(1);
  expect(sink.violations).toEqual([]);
  await upstream.close();
  await double.close();
});

test('nothing of what has gathered comes after a cancel', async () => {
  const double = await startUpstreamDouble();
  double.setPlan({ kind: 'stream', tokens: 5_000, intervalMs: 1 });
  const upstream = createTestUpstream({ baseUrl: double.url, pace: slow });
  const { sink, abort } = startAnswer(upstream);
  await expect.poll(() => sink.text.length).toBeGreaterThan(100);
  const said = sink.text;
  abort();
  await sink.closed;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(sink.text).toBe(said);
  expect(sink.violations).toEqual([]);
  await upstream.close();
  await double.close();
});
