import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { RecordingSink } from '../../support/upstream-double/recording-sink.ts';
import { createTestUpstream, helloRequest, startAnswer } from './support/chat-upstream.ts';
import { startSilentServer } from './support/silent-server.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

describe('an abort', () => {
  it('before the call makes no connection', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url });
    const sink = new RecordingSink();
    upstream.stream(helloRequest, sink, AbortSignal.abort());
    await sink.closed;
    await upstream.close();
    expect([sink.kinds, double.connections.accepted]).toEqual([['close'], 0]);
  });

  it('right after the call sends nothing', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    abort();
    await sink.closed;
    await upstream.close();
    expect([sink.kinds, double.requests.length]).toEqual([['close'], 0]);
  });

  it('on an idle connection sends nothing either', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url });
    await startAnswer(upstream).sink.closed;
    const { sink, abort } = startAnswer(upstream);
    abort();
    await sink.closed;
    await upstream.close();
    expect([sink.kinds, double.requests.length]).toEqual([['close'], 1]);
  });

  it('while waiting in line leaves the line', async () => {
    double.setPlan([{ kind: 'stream', tokens: 50, intervalMs: 1 }, { kind: 'stream' }]);
    const upstream = createTestUpstream({ baseUrl: double.url, connections: 1 });
    const first = startAnswer(upstream);
    const second = startAnswer(upstream);
    const third = startAnswer(upstream);
    second.abort();
    await second.sink.closed;
    expect([second.sink.kinds, first.sink.kinds.includes('close')]).toEqual([['close'], false]);
    await Promise.all([first.sink.closed, third.sink.closed]);
    expect([first.sink.end?.finish, third.sink.end?.finish, double.requests.length]).toEqual(['stop', 'stop', 2]);
    await upstream.close();
  });

  it('while connecting closes the half-made connection', async () => {
    const silent = await startSilentServer();
    const upstream = createTestUpstream({ baseUrl: silent.url });
    const { sink, abort } = startAnswer(upstream);
    await silent.untilConnected();
    abort();
    await silent.untilAllClosed();
    await sink.closed;
    expect(sink.kinds).toEqual(['close']);
    await silent.close();
    await upstream.close();
  });

  it.each([
    ['before the head', { kind: 'hang' }, []],
    ['before the first token', { kind: 'stream', fault: { kind: 'hang', afterTokens: 0 } }, ['open']],
  ] as const)('%s closes the connection', async (_name, plan, kinds) => {
    double.setPlan(plan);
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    const request = await double.request(0);
    if (plan.kind === 'stream') await sink.until('open');
    abort();
    expect(sink.kinds).toEqual([...kinds, 'close']);
    await request.closed;
    expect(request.closedByClient).toBe(true);
    await upstream.close();
  });

  it('opens no connection in exchange', async () => {
    double.setPlan({ kind: 'stream', fault: { kind: 'neverEnds' } });
    const upstream = createTestUpstream({ baseUrl: double.url });
    for (let answer = 0; answer < 5; answer++) {
      const { sink, abort } = startAnswer(upstream);
      await sink.until('text');
      abort();
      await (await double.request(answer)).closed;
    }
    double.setPlan({ kind: 'stream' });
    await startAnswer(upstream).sink.closed;
    expect([double.requests.length, double.connections.accepted]).toEqual([6, 6]);
    await upstream.close();
  });

  it('in the middle of a stream closes the connection, and nothing late comes through', async () => {
    double.setPlan({ kind: 'stream', fault: { kind: 'neverEnds' } });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    await sink.until('text');
    abort();
    const calls = sink.calls.length;
    const request = await double.request(0);
    await request.closed;
    expect(request.closedByClient).toBe(true);
    expect(sink.calls.length).toBe(calls);
    expect(sink.kinds.at(-1)).toBe('close');
    expect(sink.kinds).not.toContain('error');
    expect(answerText(1, helloRequest.turn, 20_000).startsWith(sink.text)).toBe(true);
    await upstream.close();
  });

  it('from inside the sink stops within the chunk', async () => {
    double.setPlan({ kind: 'stream', tokens: 500, tokensPerWrite: 500 });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    let texts = 0;
    sink.onCall = (call) => {
      if (call.kind === 'text' && ++texts === 3) abort();
    };
    await sink.closed;
    expect(sink.kinds).toEqual(['open', 'text', 'text', 'text', 'close']);
    await (await double.request(0)).closed;
    await upstream.close();
  });

  it.each(['open', 'end', 'usage', 'error'] as const)('from inside on %s leaves only the close', async (kind) => {
    const fault =
      kind === 'error' ? ({ kind: 'truncate', afterTokens: 2 } as const) : ({ kind: 'openAfterDone' } as const);
    double.setPlan({ kind: 'stream', tokens: 5, fault });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    sink.onCall = (call) => {
      if (call.kind === kind) abort();
    };
    await sink.closed;
    expect(sink.kinds.slice(-2)).toEqual([kind, 'close']);
    await (await double.request(0)).closed;
    await upstream.close();
  });

  it('while the body of a refusal is awaited closes the connection', async () => {
    double.setPlan({ kind: 'bytes', status: 500, bytes: '{"err', ending: 'hang' });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    const request = await double.request(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    abort();
    await request.closed;
    expect([sink.kinds, request.closedByClient]).toEqual([['close'], true]);
    await upstream.close();
  });

  it('after the end changes nothing', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink, abort } = startAnswer(upstream);
    await sink.closed;
    abort();
    expect(sink.violations).toEqual([]);
    await upstream.close();
  });

  it('of many streams at once closes every connection', async () => {
    double.setPlan({ kind: 'stream', intervalMs: 1, fault: { kind: 'neverEnds' } });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const answers = Array.from({ length: 100 }, () => startAnswer(upstream));
    await Promise.all(answers.map(({ sink }) => sink.until('text')));
    for (const { abort } of answers) abort();
    await Promise.all(double.requests.map((request) => request.closed));
    expect(double.requests.every((request) => request.closedByClient)).toBe(true);
    expect(answers.every(({ sink }) => sink.kinds.at(-1) === 'close')).toBe(true);
    await upstream.close();
  });
});

describe('a sink that throws', () => {
  it('fails its own answer as internal', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { sink } = startAnswer(upstream);
    sink.onCall = (call) => {
      if (call.kind === 'text') throw new Error('a fault of the gateway');
    };
    await sink.closed;
    expect([sink.error?.code, sink.violations]).toEqual(['internal', []]);
    expect(sink.error?.message).not.toContain('fault of the gateway');
    await upstream.close();
  });
});
