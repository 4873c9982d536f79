import { expect, test } from 'vitest';
import { createReadPace } from '../../../src/upstream/read-pace.ts';
import { startUpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { createTestUpstream, helloRequest, runAnswer, startAnswer } from './support/chat-upstream.ts';
import { ManualClock } from './support/manual-clock.ts';

function scene(maxWaitMs: number) {
  const clock = new ManualClock();
  const loop = { share: 0 };
  const pace = createReadPace({ maxWaitMs, busyShare: () => loop.share, clock });
  /** How long a read waits that is deferred now; 0 where it is not. */
  const waitMs = (): number => {
    const reads: number[] = [];
    const begunMs = clock.now();
    if (!pace.defer(() => reads.push(clock.now() - begunMs))) return 0;
    while (reads.length === 0) clock.advance(1);
    return reads[0]!;
  };
  return { clock, loop, pace, waitMs };
}

test('nothing waits while the process has time, and more the longer it has none', () => {
  const { clock, loop, waitMs } = scene(32);
  const next = (share: number): number => {
    loop.share = share;
    clock.advance(300);
    return waitMs();
  };
  expect([0.1, 0.8, 0.89].map(next)).toEqual([0, 0, 0]);
  expect([0.9, 0.95, 0.9, 1].map(next)).toEqual([8, 16, 32, 32]);
  // between the two bounds it stays as it is: the saving is what made the share sink
  expect([0.89, 0.86].map(next)).toEqual([32, 32]);
  expect([0.7, 0.3, 0.2, 0.1].map(next)).toEqual([16, 8, 0, 0]);
});

test('what waits is read in the order in which it came, also where the wait has become shorter', () => {
  const { clock, loop, pace } = scene(32);
  const read: number[] = [];
  loop.share = 1;
  for (let i = 0; i < 5; i++) {
    clock.advance(250);
    pace.defer(() => read.push(i));
  }
  loop.share = 0.1;
  clock.advance(240);
  expect(read).toEqual([0, 1, 2, 3, 4]);
  // the next sample comes between the two
  for (let i = 5; i < 9; i++) {
    pace.defer(() => read.push(i));
    clock.advance(12);
  }
  clock.advance(100);
  expect(read).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(clock.pending).toBe(0);
});

test('it can be switched off', () => {
  const { clock, loop, waitMs } = scene(0);
  loop.share = 1;
  clock.advance(1_000);
  expect(waitMs()).toBe(0);
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
