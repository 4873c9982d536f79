import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { createTestUpstream, runAnswer, startAnswer } from './support/chat-upstream.ts';
import { createWireUpstream } from './support/wires.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

describe('upstreams with one origin', () => {
  it('share connections, whatever their wire, path and key are', async () => {
    const upstreams = [
      createTestUpstream({ baseUrl: double.url, apiKey: 'sk-one' }),
      createTestUpstream({ baseUrl: `${double.url}/two`, apiKey: 'sk-two' }),
      createWireUpstream('anthropic', { baseUrl: double.url }),
    ];
    for (const upstream of upstreams) {
      await runAnswer(upstream);
      // a socket is free for the next request a turn of the loop later
      await setImmediate();
      await setImmediate();
    }
    expect([double.requests.length, double.connections.accepted]).toEqual([3, 1]);
    const keys = double.requests.map(({ secretHeaders }) => Object.values(secretHeaders)[0]);
    expect(keys).toEqual(['Bearer sk-one', 'Bearer sk-two', 'sk-canary-1234567890']);
    for (const upstream of upstreams) await upstream.close();
    await expect.poll(() => double.connections.open).toBe(0);
  });

  it('but not with other settings of the connection', async () => {
    const upstreams = [
      createTestUpstream({ baseUrl: double.url }),
      createTestUpstream({ baseUrl: double.url, allowPrivateNetwork: true }),
    ];
    for (const upstream of upstreams) await runAnswer(upstream);
    expect(double.connections.accepted).toBe(2);
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  });

  it('close for themselves: the others go on, and the last one closes the connections', async () => {
    double.setPlan({ kind: 'stream', tokens: 30, intervalMs: 1 });
    const one = createTestUpstream({ baseUrl: double.url });
    const two = createTestUpstream({ baseUrl: double.url });
    const running = startAnswer(one);
    const other = startAnswer(two);
    await running.sink.until('text');
    const closed = one.close();
    const late = await runAnswer(one);
    expect(late.error?.code).toBe('upstream_unreachable');
    await closed;
    // it waited for its own answer
    expect(running.sink.end?.finish).toBe('stop');
    await other.sink.closed;
    await runAnswer(two);
    expect(double.connections.accepted).toBe(2);
    expect(double.connections.open).toBeGreaterThan(0);
    await two.close();
    await two.close();
    await expect.poll(() => double.connections.open).toBe(0);
  });

  it('keep their own bound of answers in flight', async () => {
    double.setPlan({ kind: 'stream', tokens: 3, fault: { kind: 'hang', afterTokens: 1 } });
    const bounded = createTestUpstream({ baseUrl: double.url, connections: 1 });
    const free = createTestUpstream({ baseUrl: double.url });
    const answers = [startAnswer(bounded), startAnswer(bounded), startAnswer(free), startAnswer(free)];
    await expect.poll(() => double.requests.length).toBe(3);
    for (const { abort } of answers) abort();
    await Promise.all(answers.map(({ sink }) => sink.closed));
    await Promise.all([bounded.close(), free.close()]);
  });
});
