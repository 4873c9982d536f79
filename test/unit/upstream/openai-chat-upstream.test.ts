import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOpenaiChatUpstream } from '../../../src/upstream/openai-chat/openai-chat-upstream.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { createTestUpstream, helloRequest, patientTimeouts, runAnswer, startAnswer } from './support/chat-upstream.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

describe('an answer over HTTP', () => {
  it('is the text of the provider, with usage and one end', async () => {
    const plan = {
      kind: 'stream',
      seed: 7,
      tokens: 50,
      reasoningTokens: 5,
      headers: { 'x-request-id': 'req_1' },
    } as const;
    double.setPlan(plan);
    const upstream = createTestUpstream({ baseUrl: double.url });
    const sink = await runAnswer(upstream);
    expect(sink.text).toBe(answerText(7, helloRequest.turn, 50));
    expect(sink.reasoning).toBe(answerText(7, `${helloRequest.turn}/reasoning`, 5));
    expect(sink.usage).toEqual({ input: 1, output: 55, reasoning: 5, cached: 0 });
    expect(sink.end).toEqual({ finish: 'stop', rawFinish: 'stop' });
    expect(sink.calls[0]).toEqual({ kind: 'open', requestId: 'req_1' });
    expect(sink.violations).toEqual([]);
    await upstream.close();
  });

  it('may call tools', async () => {
    const call = { id: 'a', name: 'weather', arguments: '{"city":"Oslo","days":3}' };
    double.setPlan({ kind: 'stream', tokens: 2, toolCalls: [call, { ...call, id: 'b' }] });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const sink = await runAnswer(upstream);
    expect(sink.toolCalls).toEqual([call, { ...call, id: 'b' }]);
    expect(sink.end?.finish).toBe('tool_calls');
    await upstream.close();
  });

  it.each(['\n', '\r\n', '\r'] as const)('is read with line ending %j and a byte order mark', async (lineEnding) => {
    double.setPlan({ kind: 'stream', tokens: 40, lineEnding, byteOrderMark: true });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const sink = await runAnswer(upstream);
    expect([sink.text, sink.end?.finish]).toEqual([answerText(1, helloRequest.turn, 40), 'stop']);
    await upstream.close();
  });

  it('reuses the connection of the one before', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url, connections: 1 });
    for (let turn = 0; turn < 5; turn += 1) expect((await runAnswer(upstream)).end?.finish).toBe('stop');
    expect(double.connections.accepted).toBe(1);
    await upstream.close();
  });

  it('keeps to the bound of connections, first come, first served', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url, connections: 2 });
    const sinks = Array.from(
      { length: 9 },
      (_, turn) => startAnswer(upstream, { ...helloRequest, turn: `t${turn}` }).sink,
    );
    await Promise.all(sinks.map((sink) => sink.closed));
    expect(sinks.map((sink) => sink.text)).toEqual(sinks.map((_, turn) => answerText(1, `t${turn}`, 20)));
    expect(double.requests.map((request) => request.headers['x-client-request-id'])).toEqual(
      sinks.map((_, turn) => `t${turn}`),
    );
    expect(double.connections.accepted).toBeLessThanOrEqual(3);
    await upstream.close();
  });
});

describe('the request', () => {
  it('goes to the path of the base URL, whatever its shape', async () => {
    for (const [baseUrl, path] of [
      [double.url, '/v1/chat/completions'],
      [`${double.url}/`, '/v1/chat/completions'],
      [`${double.url}/chat/completions`, '/v1/chat/completions'],
      [`${double.url}/deployments/x?api-version=1`, '/v1/deployments/x/chat/completions?api-version=1'],
      [`http://127.0.0.1:${double.port}`, '/chat/completions'],
    ] as const) {
      const upstream = createTestUpstream({ baseUrl });
      await runAnswer(upstream);
      expect(double.requests.at(-1)?.path).toBe(path);
      await upstream.close();
    }
  });

  it('carries the key in the authorization header and nowhere else', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url, headers: { 'api-key': 'azure-key', 'x-team': 'red' } });
    await runAnswer(upstream);
    const request = await double.request(0);
    expect(request.secretHeaders).toEqual({ authorization: 'Bearer sk-canary-1234567890', 'api-key': 'azure-key' });
    expect(request.headers).toMatchObject({ 'x-team': 'red', 'x-client-request-id': helloRequest.turn });
    expect(JSON.stringify(request)).not.toContain('canary');
    await upstream.close();
  });

  it('has no authorization header without a key', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url, apiKey: undefined });
    await runAnswer(upstream);
    expect(double.requests[0]?.headers['authorization']).toBeUndefined();
    await upstream.close();
  });
});

describe('the configuration', () => {
  const good = { name: 'x', baseUrl: 'http://127.0.0.1:1/v1', defaultModel: 'm', timeouts: patientTimeouts };

  it.each([
    ['a base URL that is none', { baseUrl: 'nowhere' }],
    ['another scheme', { baseUrl: 'file:///etc/passwd' }],
    ['a password in the base URL', { baseUrl: 'http://user:secret@127.0.0.1/v1' }],
    ['a key with a line break', { apiKey: 'sk-a\nsk-b' }],
    ['a header with a line break', { headers: { 'x-team': 'a\r\nb: c' } }],
  ])('refuses %s', (_name, wrong) => {
    expect(() => createOpenaiChatUpstream({ ...good, ...wrong })).toThrow(TypeError);
    expect(() => createOpenaiChatUpstream({ ...good, ...wrong })).toThrow(/^(?!.*(secret|sk-a|passwd))/);
  });

  it('offers what it was given', () => {
    expect(createOpenaiChatUpstream({ ...good, models: ['a'] })).toMatchObject({
      name: 'x',
      wire: 'openai-chat',
      models: ['a'],
      defaultModel: 'm',
    });
  });
});

describe('after close', () => {
  it('new answers fail and running ones go on', async () => {
    double.setPlan({ kind: 'stream', tokens: 30, intervalMs: 2 });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const running = startAnswer(upstream);
    await running.sink.until('text');
    const closing = upstream.close();
    const refused = await runAnswer(upstream);
    expect([refused.error?.code, refused.violations]).toEqual(['upstream_unreachable', []]);
    await closing;
    expect(running.sink.text).toBe(answerText(1, helloRequest.turn, 30));
    expect(running.sink.violations).toEqual([]);
  });
});
