import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWarmSockets } from '../../../src/upstream/warm-sockets.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { createTestUpstream, runAnswer, startAnswer } from './support/chat-upstream.ts';
import { ManualClock } from './support/manual-clock.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

describe('connections made ahead', () => {
  it('are open before the first answer, which uses them; nothing is sent on them', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url, prewarm: 2 });
    expect(double.connections.accepted).toBe(0);
    upstream.warm?.(() => {});
    await expect.poll(() => double.connections.open).toBe(2);
    expect(double.requests.length).toBe(0);
    double.setPlan({ kind: 'stream', fault: { kind: 'hang', afterTokens: 1 } });
    const answers = [startAnswer(upstream), startAnswer(upstream), startAnswer(upstream)];
    await Promise.all(answers.map(({ sink }) => sink.until('text')));
    expect(double.connections.accepted).toBe(3);
    for (const { abort } of answers) abort();
    // those that were cut are made again
    await expect.poll(() => double.connections.open).toBe(2);
    await upstream.close();
    await expect.poll(() => double.connections.open).toBe(0);
  });

  it('that cannot be made are told of, and nothing else happens', async () => {
    const { port } = double;
    await double.close();
    const upstream = createTestUpstream({ baseUrl: `http://127.0.0.1:${port}/v1`, prewarm: 1 });
    const failure = await new Promise<Error>((resolve) => upstream.warm?.(resolve));
    expect(failure.message).toBe('The provider refused the connection.');
    expect((await runAnswer(upstream)).error?.code).toBe('upstream_unreachable');
    await upstream.close();
    double = await startUpstreamDouble();
  });

  it('are given up by an answer that is aborted at once', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url, prewarm: 1 });
    upstream.warm?.(() => {});
    await expect.poll(() => double.connections.open).toBe(1);
    const { sink, abort } = startAnswer(upstream);
    abort();
    await sink.closed;
    expect([sink.kinds, double.requests.length]).toEqual([['close'], 0]);
    expect((await runAnswer(upstream)).end?.finish).toBe('stop');
    await upstream.close();
  });

  it('are tried again after a pause that grows', () => {
    const clock = new ManualClock();
    let tries = 0;
    const warm = createWarmSockets({
      count: 1,
      maxIdleMs: 20_000,
      clock,
      open(callback) {
        tries += 1;
        callback(new Error('refused'));
        return undefined;
      },
    });
    const seen: string[] = [];
    warm.start((error) => seen.push(error.message));
    expect(tries).toBe(1);
    clock.advance(1_000);
    expect(tries).toBe(2);
    clock.advance(1_999);
    expect(tries).toBe(2);
    clock.advance(600_000);
    expect(tries).toBeLessThan(20);
    expect(seen.length).toBe(tries);
    warm.close();
    expect(clock.pending).toBe(0);
  });
});
