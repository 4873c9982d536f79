import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReadPace } from '../../../src/upstream/read-pace.ts';
import type { Plan, StreamFault } from '../../support/upstream-double/plan.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { alwaysGathering } from './support/always-gathering.ts';
import { createTestUpstream, helloRequest, runAnswer } from './support/chat-upstream.ts';

let pace: ReadPace | undefined;
let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

async function run(plan: Plan, options: { maxOutputBytes?: number } = {}) {
  double.setPlan(plan);
  const upstream = createTestUpstream({ baseUrl: double.url, pace, ...options });
  const sink = await runAnswer(upstream);
  await upstream.close();
  expect(sink.violations).toEqual([]);
  expect(sink.error?.message ?? '').not.toMatch(/canary|127\.0\.0\.1/);
  expect((sink.error?.message ?? '').length).toBeLessThan(360);
  return sink;
}

describe.each([
  ['a broken stream', undefined],
  ['a broken stream that gathers', alwaysGathering(20)],
])('%s', (_name, ownPace) => {
  beforeEach(() => {
    pace = ownPace;
  });

  it.each<[StreamFault, string]>([
    [{ kind: 'truncate', afterTokens: 5 }, 'upstream_truncated'],
    [{ kind: 'truncate', afterTokens: 0 }, 'upstream_truncated'],
    [{ kind: 'cutMidJson', afterTokens: 5 }, 'upstream_truncated'],
    [{ kind: 'reset', afterTokens: 5 }, 'upstream_truncated'],
    [{ kind: 'malformedJson', afterTokens: 5 }, 'upstream_malformed'],
    [{ kind: 'twoObjectsInALine', afterTokens: 5 }, 'upstream_malformed'],
    [{ kind: 'hugeLine', afterTokens: 5, bytes: 10_000_000 }, 'upstream_too_large'],
    [{ kind: 'hugeDelta', afterTokens: 5, letters: 2_000_000 }, 'upstream_too_large'],
    [
      { kind: 'errorEvent', afterTokens: 5, error: { message: 'sk-x', type: 'overloaded_error' } },
      'upstream_overloaded',
    ],
    [{ kind: 'neverEnds' }, 'upstream_too_large'],
  ])('%j ends as %s and keeps what came before', async (fault, code) => {
    const sink = await run({ kind: 'stream', tokens: 10, fault }, { maxOutputBytes: 20_000 });
    expect(sink.error?.code).toBe(code);
    const whole = answerText(1, helloRequest.turn, 10_000);
    expect(whole.startsWith(sink.text)).toBe(true);
    if ('afterTokens' in fault) expect(sink.text).toBe(answerText(1, helloRequest.turn, fault.afterTokens));
    const request = await double.request(0);
    await request.closed;
  });

  it('may hold a delta of a million letters, given in pieces', async () => {
    const fault = { kind: 'hugeDelta', afterTokens: 1, letters: 1_000_000 } as const;
    const sink = await run({ kind: 'stream', tokens: 1, fault });
    expect(sink.text).toBe(answerText(1, helloRequest.turn, 1) + 'x'.repeat(1_000_000));
    expect(Math.max(...sink.calls.map((call) => ('text' in call ? call.text.length : 0)))).toBe(16_384);
  });

  it.each(['withoutDone', 'chatterAfterDone', 'openAfterDone'] as const)('%s is whole all the same', async (kind) => {
    const sink = await run({ kind: 'stream', tokens: 10, fault: { kind } });
    expect([sink.text, sink.end?.finish]).toEqual([answerText(1, helloRequest.turn, 10), 'stop']);
  });
});

describe('an answer that is no stream', () => {
  it.each<[Plan, string]>([
    [
      { kind: 'bytes', bytes: '<!doctype html><title>login</title>', headers: { 'content-type': 'text/html' } },
      'upstream_malformed',
    ],
    [{ kind: 'bytes', bytes: '{"error":{"message":"no","code":"insufficient_quota"}}' }, 'upstream_rate_limited'],
    [{ kind: 'bytes', bytes: '{"hello":1}', headers: { 'content-type': 'application/json' } }, 'upstream_malformed'],
    [{ kind: 'bytes', bytes: 'x', headers: { 'content-encoding': 'gzip' } }, 'upstream_malformed'],
    [{ kind: 'bytes', bytes: '' }, 'upstream_truncated'],
    [{ kind: 'bytes', bytes: 'data: {"cho', ending: 'reset' }, 'upstream_truncated'],
    [{ kind: 'bytes', bytes: '', headers: { 'content-length': '100' }, ending: 'reset' }, 'upstream_truncated'],
  ])('%j becomes %s', async (plan, code) => {
    expect((await run(plan)).error?.code).toBe(code);
  });

  it('but a whole completion is taken', async () => {
    const bytes = '{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}';
    const sink = await run({ kind: 'bytes', bytes, headers: { 'content-type': 'application/json' } });
    expect([sink.text, sink.end?.finish]).toEqual(['Hi', 'stop']);
  });
});

describe('a refusal', () => {
  it.each<[number, Record<string, string>, string, number | undefined]>([
    [429, { 'retry-after': '2' }, 'upstream_rate_limited', 2000],
    [429, { 'retry-after': '-1' }, 'upstream_rate_limited', 0],
    [429, { 'retry-after': '86400' }, 'upstream_rate_limited', 60_000],
    [529, { 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' }, 'upstream_overloaded', 60_000],
    [503, {}, 'upstream_overloaded', undefined],
    [500, {}, 'upstream_error', undefined],
    [401, {}, 'upstream_unauthorized', undefined],
    [404, {}, 'upstream_rejected', undefined],
  ])('%i with %j becomes %s', async (status, headers, code, retryAfterMs) => {
    const sink = await run({ kind: 'status', status, headers });
    expect(sink.kinds).toEqual(['error', 'close']);
    expect([sink.error?.code, sink.error?.status, sink.error?.retryAfterMs]).toEqual([code, status, retryAfterMs]);
  });

  it('that echoes the key does not pass it on', async () => {
    const message = 'bad key sk-canary-1234567890 in Bearer sk-canary-1234567890';
    const sink = await run({ kind: 'status', status: 400, body: JSON.stringify({ error: { message } }) });
    expect(sink.error?.message).toBe('The provider refused the request: bad key [redacted] in Bearer [redacted]');
  });

  it('of megabytes is read in part', async () => {
    const sink = await run({ kind: 'status', status: 400, body: `maximum context length ${'x'.repeat(5_000_000)}` });
    expect(sink.error?.code).toBe('context_too_long');
  });

  it('whose body breaks off is judged by what came', async () => {
    const sink = await run({ kind: 'bytes', status: 429, bytes: '{"error"', ending: 'reset' });
    expect(sink.error?.code).toBe('upstream_rate_limited');
  });

  it('by redirect is not followed', async () => {
    const target = await startUpstreamDouble();
    const sink = await run({ kind: 'status', status: 307, headers: { location: `${target.url}/chat/completions` } });
    expect([sink.error?.code, sink.error?.status]).toEqual(['upstream_rejected', 307]);
    expect(target.connections.accepted).toBe(0);
    await target.close();
  });

  it('may be over by the next request', async () => {
    double.setPlan([
      { kind: 'status', status: 502 },
      { kind: 'stream' },
      { kind: 'status', status: 500 },
      { kind: 'stream' },
    ]);
    const upstream = createTestUpstream({ baseUrl: double.url });
    const ends: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const sink = await runAnswer(upstream);
      ends.push(sink.error?.code ?? sink.end?.finish);
    }
    expect(ends).toEqual(['upstream_error', 'stop', 'upstream_error', 'stop']);
    await upstream.close();
  });
});

describe('a provider that does not speak HTTP', () => {
  async function runAgainst(onConnection: (socket: Socket) => void) {
    const server = createServer(onConnection);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const upstream = createTestUpstream({ baseUrl: `http://127.0.0.1:${port}/v1` });
    const sink = await runAnswer(upstream);
    await upstream.close();
    await new Promise((resolve) => server.close(resolve));
    expect(sink.violations).toEqual([]);
    return { code: sink.error?.code, port };
  }

  it('is malformed', async () => {
    const { code } = await runAgainst((socket) =>
      socket.on('error', () => {}).once('data', () => socket.end('SSH-2.0\r\n\r\n')),
    );
    expect(code).toBe('upstream_malformed');
  });

  it('and speaks first, is unreachable after a few connections', async () => {
    let connections = 0;
    const { code } = await runAgainst((socket) => {
      connections += 1;
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH\r\n\r\n');
    });
    // The request may have been on its way when the greeting came.
    expect(['upstream_unreachable', 'upstream_malformed']).toContain(code);
    expect(connections).toBeLessThanOrEqual(4);
  });

  it('or closes without a word, failed', async () => {
    const { code } = await runAgainst((socket) => socket.on('error', () => {}).once('data', () => socket.destroy()));
    expect(code).toBe('upstream_error');
  });

  it('or is not there, is unreachable', async () => {
    const { port } = await runAgainst((socket) => socket.on('error', () => {}).once('data', () => socket.destroy()));
    const upstream = createTestUpstream({ baseUrl: `http://127.0.0.1:${port}/v1` });
    const sink = await runAnswer(upstream);
    expect([sink.error?.code, sink.kinds]).toEqual(['upstream_unreachable', ['error', 'close']]);
    await upstream.close();
  });
});
