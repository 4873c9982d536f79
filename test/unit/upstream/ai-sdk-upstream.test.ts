import { APICallError } from '@ai-sdk/provider';
import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';
import { describe, expect, test } from 'vitest';
import { createAiSdkUpstream } from '../../../src/upstream/ai-sdk/ai-sdk-upstream.ts';
import type { UpstreamMessage } from '../../../src/upstream/contract.ts';
import { RecordingSink } from '../../support/upstream-double/recording-sink.ts';
import { ask, createFakeModel, finishOf, request } from './support/fake-model.ts';
import { ManualClock } from './support/manual-clock.ts';

const reasoned = { anthropic: { signature: 'c2ln' } };

describe.each(['v2', 'v3', 'v4'])('a model of version %s', (version) => {
  test('its text, reasoning, tool calls, sources and usage arrive, and the rest is ignored', async () => {
    const model = createFakeModel(version, (call) => {
      call.write(
        { type: 'stream-start', warnings: [{ type: 'other', message: 'x' }] },
        { type: 'response-metadata', id: 'r1' },
        { type: 'reasoning-start', id: '0' },
        { type: 'reasoning-delta', id: '0', delta: 'Hm.' },
        { type: 'reasoning-end', id: '0', providerMetadata: reasoned },
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: 'Let me ' },
        { type: 'text-delta', id: '1', delta: 'look.' },
        { type: 'text-end', id: '1' },
        { type: 'source', sourceType: 'url', id: 's', url: 'https://example.com/', title: 'E' },
        { type: 'source', sourceType: 'document', id: 'd', mediaType: 'text/plain', title: 'no link' },
        { type: 'tool-input-start', id: 'c0', toolName: 'web_search', providerExecuted: true },
        { type: 'tool-input-delta', id: 'c0', delta: '{"q":1}' },
        { type: 'tool-call', toolCallId: 'c0', toolName: 'web_search', input: '{}', providerExecuted: true },
        { type: 'tool-input-start', id: 'c1', toolName: 'look' },
        { type: 'tool-input-delta', id: 'c1', delta: '{"a":' },
        { type: 'tool-input-delta', id: 'c1', delta: '1}' },
        { type: 'tool-input-end', id: 'c1' },
        { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{"a":1}' },
        { type: 'tool-call', toolCallId: 'c2', toolName: 'wait', input: '' },
        { type: 'raw', rawValue: {} },
        { type: 'something-new' },
        finishOf(version, 'tool-calls'),
      );
      call.end();
    });
    const sink = await ask(model);
    expect(sink.violations).toEqual([]);
    expect(sink).toMatchObject({ text: 'Let me look.', reasoning: 'Hm.', toolCallDeltas: 'look{"a":1}wait' });
    expect(sink.calls[0]).toEqual({ kind: 'open', requestId: 'req_1' });
    expect(sink.toolCalls).toEqual([
      { id: 'c1', name: 'look', arguments: '{"a":1}' },
      { id: 'c2', name: 'wait', arguments: '{}' },
    ]);
    expect(sink.sources).toEqual([{ url: 'https://example.com/', title: 'E' }]);
    const cacheWrite = version === 'v2' ? {} : { cacheWrite: 3 };
    expect(sink.usage).toEqual({ input: 10, output: 5, reasoning: 2, cached: 4, ...cacheWrite });
    expect(sink.end).toEqual({ finish: 'tool_calls', rawFinish: version === 'v2' ? 'tool-calls' : 'raw_tool-calls' });
    expect(sink.native).toEqual({
      provider: 'fake.chat',
      reasoning: [{ text: 'Hm.', providerOptions: reasoned }],
      calls: {},
    });
  });

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content-filter', 'content_filter'],
    ['other', 'other'],
    ['unknown', 'other'],
  ])('finish reason %s is %s', async (reason, finish) => {
    const model = createFakeModel(version, (call) =>
      call.write({ type: 'text-delta', id: '1', delta: 'x' }, finishOf(version, reason)),
    );
    expect((await ask(model)).end?.finish).toBe(finish);
  });

  test('is asked in its own form', async () => {
    const model = createFakeModel(version, (call) => call.write(finishOf(version)));
    const native = { provider: 'fake.chat', reasoning: [{ text: 'Hm.', providerOptions: reasoned }], calls: {} };
    const calls = [{ id: 'c1', name: 'look', arguments: '{"a":1}' }];
    const messages: UpstreamMessage[] = [
      { role: 'system', text: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image', mediaType: 'image/png', data: 'AAAA' },
          { type: 'image', url: 'https://example.com/a.png' },
          { type: 'file', mediaType: 'application/pdf', data: 'BBBB', name: 'a.pdf' },
        ],
      },
      { role: 'assistant', text: 'Let me look.', toolCalls: calls, native: { wire: 'ai-sdk', value: native } },
      { role: 'tool', call: 'c1', name: 'look', output: 'a dot' },
      { role: 'assistant', text: 'A dot.', native: { wire: 'ai-sdk', value: { ...native, provider: 'another' } } },
      { role: 'assistant', text: 'Yes.', native: { wire: 'anthropic', value: native } },
      { role: 'user', content: 'Sure?' },
    ];
    const url = new URL('https://example.com/a.png');
    const file = (mediaType: string, data: string, more = {}) => ({
      type: 'file',
      mediaType,
      data: version === 'v4' ? { type: 'data', data } : data,
      ...more,
    });
    await ask(
      model,
      {
        messages,
        params: {
          maxOutputTokens: 9,
          temperature: 0.5,
          stop: ['END'],
          reasoningEffort: 'low',
          responseFormat: { type: 'json_schema', name: 'n', schema: { type: 'object' } },
          toolChoice: { name: 'look' },
        },
        tools: [{ name: 'look', description: 'Looks.' }],
      },
      { providerOptions: ({ params }) => ({ fake: { effort: params.reasoningEffort } }), headers: { 'x-a': '1' } },
    );
    expect(model.calls[0]!.options).toMatchObject({
      maxOutputTokens: 9,
      temperature: 0.5,
      stopSequences: ['END'],
      responseFormat: { type: 'json', name: 'n', schema: { type: 'object' } },
      tools: [{ type: 'function', name: 'look', inputSchema: { type: 'object', properties: {} } }],
      toolChoice: { type: 'tool', toolName: 'look' },
      providerOptions: { fake: { effort: 'low' } },
      headers: { 'x-a': '1', 'x-client-request-id': request.turn },
    });
    expect(model.calls[0]!.options['reasoning']).toBe(version === 'v4' ? 'low' : undefined);
    expect(model.calls[0]!.options['prompt']).toEqual([
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          file('image/png', 'AAAA'),
          { type: 'file', mediaType: 'image/*', data: version === 'v4' ? { type: 'url', url } : url },
          file('application/pdf', 'BBBB', { filename: 'a.pdf' }),
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'Hm.', providerOptions: reasoned },
          { type: 'text', text: 'Let me look.' },
          { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: { a: 1 } },
        ],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'c1', toolName: 'look', output: { type: 'text', value: 'a dot' } },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'A dot.' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Yes.' }] },
      { role: 'user', content: [{ type: 'text', text: 'Sure?' }] },
    ]);
  });
});

describe('a model that fails', () => {
  const apiError = (more: object) => Object.assign(new Error('secret-key refused at https://host'), more);

  test.each([
    ['429', { statusCode: 429, responseHeaders: { 'Retry-After': '3' } }, 'upstream_rate_limited', 3_000],
    ['401', { statusCode: 401, responseBody: '{"error":{"message":"no"}}' }, 'upstream_unauthorized', undefined],
    [
      'too long',
      { statusCode: 400, responseBody: '{"error":{"code":"context_length_exceeded","message":"x"}}' },
      'context_too_long',
      undefined,
    ],
    ['no server', { isRetryable: true }, 'upstream_unreachable', undefined],
    ['no key', { name: 'AI_LoadAPIKeyError' }, 'upstream_unauthorized', undefined],
    ['no such input', { name: 'AI_UnsupportedFunctionalityError' }, 'input_unsupported', undefined],
    ['the last of several attempts', { lastError: { statusCode: 503 } }, 'upstream_overloaded', undefined],
    ['anything else', {}, 'upstream_error', undefined],
  ])('when it is called (%s) is told by code', async (_name, more, code, retryAfterMs) => {
    const model = createFakeModel('v3', () => {
      throw apiError(more);
    });
    const sink = await ask(model, {}, { headers: { authorization: 'secret-key' } });
    expect(sink.error).toMatchObject({ code, retryAfterMs });
    expect(sink.error!.message).not.toMatch(/secret-key|host/);
    expect(sink.violations).toEqual([]);
  });

  test.each([
    ['an error part', { type: 'error', error: { type: 'overloaded_error', message: 'x' } }, 'upstream_overloaded'],
    ['an event as it was', { type: 'error', error: { error: { code: 429, message: 'x' } } }, 'upstream_rate_limited'],
    ['the finish itself', finishOf('v3', 'error'), 'upstream_error'],
    ['arguments that do not parse', { type: 'tool-call', toolCallId: 'c', toolName: 't', input: '{' }, undefined],
  ])('in the middle (%s) keeps what it said', async (_name, part, code) => {
    const model = createFakeModel('v3', (call) =>
      call.write({ type: 'text-delta', id: '1', delta: 'said' }, part, finishOf('v3', 'tool-calls')),
    );
    const sink = await ask(model);
    expect(sink).toMatchObject({ text: 'said', error: { code: code ?? 'upstream_malformed' } });
    expect(sink.toolCalls).toEqual([]);
  });

  test('by ending without its finish is cut short; by a broken stream, failed', async () => {
    const ended = createFakeModel('v4', (call) => call.end());
    expect((await ask(ended)).error).toMatchObject({ code: 'upstream_truncated' });
    const broken = createFakeModel('v4', (call) => call.fail(new Error('x')));
    expect((await ask(broken)).error).toMatchObject({ code: 'upstream_error' });
  });

  test('by saying more than it may', async () => {
    const model = createFakeModel('v2', (call) => call.write({ type: 'text-delta', id: '1', delta: 'x'.repeat(101) }));
    expect((await ask(model, {}, { maxOutputBytes: 100 })).error).toMatchObject({ code: 'upstream_too_large' });
    await model.calls[0]!.cancelled;
  });

  test('by silence, before the first piece and between two', async () => {
    const clock = new ManualClock();
    const timeouts = { firstTokenMs: 1_000, idleMs: 500 };
    const silent = createFakeModel('v3');
    const asking = ask(silent, {}, { clock, timeouts });
    await Promise.resolve();
    clock.advance(1_000);
    expect((await asking).error).toMatchObject({ code: 'upstream_timeout' });
    await silent.calls[0]!.cancelled;
    const sink = new RecordingSink();
    const stops = createFakeModel('v3', (call) => call.write({ type: 'text-delta', id: '1', delta: 'x' }));
    createAiSdkUpstream({ name: 'sdk', model: stops, clock, timeouts }).stream(
      request,
      sink,
      new AbortController().signal,
    );
    await sink.until('text');
    clock.advance(499);
    expect(sink.error).toBeUndefined();
    clock.advance(1);
    expect(sink.error).toMatchObject({ code: 'upstream_timeout' });
    expect(sink.text).toBe('x');
  });
});

describe('a cancel', () => {
  test('reaches the model, and what it says later reaches nobody', async () => {
    const model = createFakeModel('v3', (call) => call.write({ type: 'text-delta', id: '1', delta: 'a' }));
    const sink = new RecordingSink();
    const controller = new AbortController();
    createAiSdkUpstream({ name: 'sdk', model }).stream(request, sink, controller.signal);
    await sink.until('text');
    const reason = new Error('enough');
    controller.abort(reason);
    expect(model.calls[0]!.options.abortSignal.reason).toBe(reason);
    expect(await model.calls[0]!.cancelled).toBe(reason);
    await sink.closed;
    expect(sink.kinds).toEqual(['open', 'text', 'close']);
  });

  test('before the model has opened its stream closes that when it comes', async () => {
    const opened = deferred();
    const inner = createFakeModel('v3');
    const model = {
      ...inner,
      async doStream(options: never) {
        await opened.promise;
        return inner.doStream(options);
      },
    };
    const sink = new RecordingSink();
    const controller = new AbortController();
    createAiSdkUpstream({ name: 'sdk', model }).stream(request, sink, controller.signal);
    controller.abort();
    await sink.closed;
    opened.resolve(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    await inner.calls[0]!.cancelled;
    expect(sink.kinds).toEqual(['close']);
  });

  test('comes through in a stream that has everything ready', async () => {
    const model = createFakeModel('v3', (call) => {
      for (let i = 0; i < 100_000; i++) call.write({ type: 'text-delta', id: '1', delta: 'x' });
    });
    const sink = new RecordingSink();
    const controller = new AbortController();
    createAiSdkUpstream({ name: 'sdk', model }).stream(request, sink, controller.signal);
    setImmediate(() => controller.abort());
    await sink.closed;
    expect(sink.text.length).toBeLessThan(10_000);
  });
});

test('the SDK’s own mock answers like any other', async () => {
  const model = new MockLanguageModelV3({
    doStream: {
      stream: simulateReadableStream({
        chunks: [
          { type: 'stream-start', warnings: [] },
          { type: 'text-start', id: '1' },
          { type: 'text-delta', id: '1', delta: 'Hello, ' },
          { type: 'text-delta', id: '1', delta: 'world!' },
          { type: 'text-end', id: '1' },
          {
            type: 'finish',
            finishReason: { unified: 'stop', raw: 'end_turn' },
            usage: {
              inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
              outputTokens: { total: 4, text: 4, reasoning: undefined },
            },
          },
        ],
      }),
    },
  });
  const sink = await ask(model);
  expect(sink).toMatchObject({ text: 'Hello, world!', end: { finish: 'stop', rawFinish: 'end_turn' } });
  expect(sink.usage).toEqual({ input: 3, output: 4, reasoning: 0, cached: 0 });
  expect(model.doStreamCalls).toHaveLength(1);
});

test('the SDK’s own error is told by what the provider said', async () => {
  const model = new MockLanguageModelV3({
    doStream: () => {
      throw new APICallError({
        message: 'Too long',
        url: 'https://api.example.com/v1',
        requestBodyValues: {},
        statusCode: 400,
        responseBody: '{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}',
      });
    },
  });
  expect((await ask(model)).error).toMatchObject({ code: 'context_too_long', status: 400 });
});

test('models are offered by name, and others are not there', async () => {
  const one = createFakeModel('v3', (call) => call.write(finishOf('v3')));
  const upstream = createAiSdkUpstream({ name: 'sdk', models: { fast: one, deep: createFakeModel('v4') } });
  expect(upstream).toMatchObject({ wire: 'ai-sdk', models: ['fast', 'deep'], defaultModel: 'fast' });
  const sink = new RecordingSink();
  upstream.stream({ ...request, model: 'none' }, sink, new AbortController().signal);
  await sink.closed;
  expect(sink.error).toMatchObject({ code: 'model_not_found' });
  expect(() => createAiSdkUpstream({ name: 'sdk' })).toThrow(TypeError);
  expect(() => createAiSdkUpstream({ name: 'sdk', model: createFakeModel('v1') })).toThrow(/LanguageModelV2/);
  expect(() => createAiSdkUpstream({ name: 'sdk', model: one, defaultModel: 'x' })).toThrow(TypeError);
});

function deferred(): { promise: Promise<unknown>; resolve(value: unknown): void } {
  let resolve!: (value: unknown) => void;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
