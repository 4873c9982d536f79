import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamTimeouts } from '../../../src/upstream/contract.ts';
import type { Plan } from '../../support/upstream-double/plan.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { createTestUpstream, helloRequest, startAnswer } from './support/chat-upstream.ts';
import { ManualClock } from './support/manual-clock.ts';
import { startSilentServer } from './support/silent-server.ts';

const timeouts: UpstreamTimeouts = { connectMs: 3000, firstTokenMs: 30_000, idleMs: 10_000, totalMs: 600_000 };

let double: UpstreamDouble;
let clock: ManualClock;
beforeEach(async () => {
  double = await startUpstreamDouble();
  clock = new ManualClock();
});
afterEach(() => double.close());

function start(plan: Plan, options: Partial<Parameters<typeof createTestUpstream>[0]> = {}) {
  double.setPlan(plan);
  const upstream = createTestUpstream({ baseUrl: double.url, clock, timeouts, ...options });
  return { upstream, ...startAnswer(upstream) };
}

/** Lets so many tokens or lines of the double arrive; the clock of the adapter stands still meanwhile. */
async function untilWritten(tokens: number): Promise<void> {
  const request = await double.request(0);
  while (request.tokensWritten < tokens) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('a provider that is silent', () => {
  it('while connecting', async () => {
    const silent = await startSilentServer();
    const { sink, upstream } = start({ kind: 'hang' }, { baseUrl: silent.url });
    await silent.untilConnected();
    clock.advance(2999);
    expect(sink.calls).toEqual([]);
    clock.advance(1);
    expect(sink.error?.code).toBe('upstream_timeout');
    expect(sink.error?.message).toBe('Connect timeout: no connection to the provider within 3000 ms.');
    await silent.untilAllClosed();
    await sink.closed;
    expect(sink.violations).toEqual([]);
    await silent.close();
    await upstream.close();
  });

  it('before the head', async () => {
    const { sink, upstream } = start({ kind: 'hang' });
    const request = await double.request(0);
    clock.advance(29_999);
    expect(sink.calls).toEqual([]);
    clock.advance(1);
    expect(sink.error?.message).toContain('First token timeout: the provider sent nothing within 30000 ms');
    await request.closed;
    expect([request.closedByClient, sink.violations]).toEqual([true, []]);
    await upstream.close();
  });

  it.each<[string, Plan]>([
    ['after the head', { kind: 'stream', fault: { kind: 'hang', afterTokens: 0 } }],
    ['but for comments', { kind: 'stream', fault: { kind: 'commentsForEver', afterTokens: 0, intervalMs: 1 } }],
    ['but for empty chunks', { kind: 'stream', fault: { kind: 'emptyChunksForEver', afterTokens: 0, intervalMs: 1 } }],
  ])('before the first token, %s', async (_name, plan) => {
    const { sink, upstream } = start(plan);
    await sink.until('open');
    clock.advance(30_000);
    expect(sink.error?.message).toContain('First token timeout');
    await (await double.request(0)).closed;
    expect(sink.violations).toEqual([]);
    await upstream.close();
  });

  it.each<[string, Plan]>([
    ['altogether', { kind: 'stream', fault: { kind: 'hang', afterTokens: 4 } }],
    ['but for comments', { kind: 'stream', fault: { kind: 'commentsForEver', afterTokens: 4, intervalMs: 1 } }],
    ['but for empty chunks', { kind: 'stream', fault: { kind: 'emptyChunksForEver', afterTokens: 4, intervalMs: 1 } }],
  ])('between tokens, %s', async (_name, plan) => {
    const { sink, upstream } = start(plan);
    const text = answerText(1, helloRequest.turn, 4);
    await new Promise<void>((resolve) => {
      sink.onCall = () => {
        if (sink.text === text) resolve();
      };
    });
    clock.advance(9999);
    expect(sink.error).toBeUndefined();
    clock.advance(1);
    expect([sink.error?.code, sink.text]).toEqual(['upstream_timeout', text]);
    expect(sink.error?.message).toBe('Idle timeout: the provider sent no further piece for 10000 ms.');
    await (await double.request(0)).closed;
    await upstream.close();
  });

  it('never for long, but without end', async () => {
    const { sink, upstream } = start({ kind: 'stream', intervalMs: 1, fault: { kind: 'neverEnds' } });
    await sink.until('text');
    // One token a minute, scaled: each piece brings its own nine seconds.
    sink.onCall = (call) => {
      if (call.kind === 'text') queueMicrotask(() => clock.advance(9000));
    };
    await sink.closed;
    expect(sink.error?.message).toBe('Total timeout: the answer took longer than 600000 ms.');
    expect(sink.violations).toEqual([]);
    await upstream.close();
  });

  it('while waiting in line is bounded by the total alone', async () => {
    double.setPlan({ kind: 'hang' });
    const slow = { ...timeouts, firstTokenMs: 10_000_000, connectMs: 10_000_000 };
    const upstream = createTestUpstream({ baseUrl: double.url, clock, timeouts: slow, connections: 1 });
    const first = startAnswer(upstream);
    const second = startAnswer(upstream);
    await double.request(0);
    clock.advance(600_000);
    expect(second.sink.error?.message).toContain('Total timeout');
    await Promise.all([first.sink.closed, second.sink.closed]);
    expect(double.requests.length).toBe(1);
    await upstream.close();
  });

  it('in the middle of a refusal is judged by its status', async () => {
    const { sink, upstream } = start({ kind: 'bytes', status: 429, bytes: '{"err', ending: 'hang' });
    await double.request(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    clock.advance(30_000);
    expect(sink.error?.code).toBe('upstream_rate_limited');
    await sink.closed;
    await upstream.close();
  });
});

describe('a provider that has finished', () => {
  it('but neither says [DONE] nor hangs up: the answer is whole', async () => {
    const bytes = 'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n';
    const { sink, upstream } = start({ kind: 'bytes', bytes, ending: 'hang' });
    await sink.until('text');
    clock.advance(10_000);
    expect(sink.end?.finish).toBe('stop');
    await (await double.request(0)).closed;
    expect(sink.violations).toEqual([]);
    await upstream.close();
  });

  it('but does not hang up after [DONE]: the answer ends at once, the connection a second later', async () => {
    const { sink, upstream } = start({ kind: 'stream', tokens: 3, fault: { kind: 'openAfterDone' } });
    await sink.until('end');
    await untilWritten(3);
    clock.advance(999);
    expect(sink.kinds).not.toContain('close');
    clock.advance(1);
    expect(sink.violations).toEqual([]);
    await (await double.request(0)).closed;
    await upstream.close();
  });

  it('leaves no timer behind', async () => {
    const { sink, upstream } = start({ kind: 'stream', tokens: 3 });
    await sink.closed;
    expect(clock.pending).toBe(0);
    await upstream.close();
  });
});
