import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { helloRequest, runAnswer } from './support/chat-upstream.ts';
import { anthropicBody, geminiBody, responsesBody } from './support/provider-schemas.ts';
import { createWireUpstream, events, type WireName } from './support/wires.ts';

let double: UpstreamDouble;
beforeAll(async () => {
  double = await startUpstreamDouble();
});
afterAll(() => double.close());

const key = 'sk-canary-1234567890';

describe.each([
  {
    wire: 'anthropic',
    path: '/v1/messages',
    header: ['x-api-key', key],
    schema: anthropicBody,
    answer: [
      { type: 'content_block_delta', delta: { type: 'text_delta', text: 'Hi' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
      { type: 'message_stop' },
    ],
  },
  {
    wire: 'openai-responses',
    path: '/v1/responses',
    header: ['authorization', `Bearer ${key}`],
    schema: responsesBody,
    answer: [
      { type: 'response.output_text.delta', delta: 'Hi' },
      { type: 'response.completed', response: {} },
    ],
  },
  {
    wire: 'gemini',
    path: '/v1/models/double:streamGenerateContent?alt=sse',
    header: ['x-goog-api-key', key],
    schema: geminiBody,
    answer: [{ candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] }],
  },
] as const)('an answer of $wire over HTTP', ({ wire, path, header, schema, answer }) => {
  const name: WireName = wire;

  it('is asked for at its path, with the key in its header and nowhere else', async () => {
    double.setPlan({ kind: 'bytes', bytes: events(answer), headers: { 'request-id': 'req_1' } });
    const upstream = createWireUpstream(name, { baseUrl: double.url });
    const sink = await runAnswer(upstream);
    const request = double.requests.at(-1)!;
    expect([sink.text, sink.end?.finish, sink.violations]).toEqual(['Hi', 'stop', []]);
    expect(sink.calls[0]).toEqual({ kind: 'open', requestId: 'req_1' });
    expect([request.method, request.path]).toEqual(['POST', path]);
    expect({ ...request.headers, ...request.secretHeaders }[header[0]]).toBe(header[1]);
    expect(JSON.stringify([request.path, request.body])).not.toContain('canary');
    expect(schema.safeParse(request.body).error).toBeUndefined();
    if (name === 'anthropic') expect(request.headers['anthropic-version']).toBe('2023-06-01');
    expect(upstream).toMatchObject({ wire, acceptsPrefix: wire === 'anthropic' });
    await upstream.close();
  });

  it('that is refused, has no end or breaks off fails once', async () => {
    const upstream = createWireUpstream(name, { baseUrl: double.url });
    const body = JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: key, code: 529 } });
    double.setPlan({ kind: 'status', status: 529, body });
    const refused = await runAnswer(upstream);
    expect([refused.error?.code, refused.violations]).toEqual(['upstream_overloaded', []]);
    expect(refused.error?.message).not.toContain('canary');
    double.setPlan({ kind: 'bytes', bytes: events(answer.slice(0, -1)) });
    expect((await runAnswer(upstream)).error?.code).toBe('upstream_truncated');
    double.setPlan({ kind: 'bytes', bytes: events(answer.slice(0, -1)) || ': hi\n\n', ending: 'reset' });
    expect((await runAnswer(upstream)).error?.code).toBe('upstream_truncated');
    await upstream.close();
  });

  it('to a model whose name is a path stays where it belongs', async () => {
    double.setPlan({ kind: 'bytes', bytes: events(answer) });
    const upstream = createWireUpstream(name, { baseUrl: double.url });
    const sink = await runAnswer(upstream, { ...helloRequest, model: '../../evil\ud800?x=1#y' });
    expect(sink.error).toBeUndefined();
    expect(double.requests.at(-1)!.path).toMatch(
      /^\/v1\/(?:messages|responses|models\/[^/?]+:streamGenerateContent\?alt=sse)$/,
    );
    await upstream.close();
  });
});
