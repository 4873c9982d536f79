import { describe, expect, it } from 'vitest';
import { modelPath } from '../../../src/upstream/gemini/gemini-upstream.ts';
import { events, readWire } from './support/wires.ts';

const chunk = (parts: unknown, more: object = {}) => ({ candidates: [{ content: { role: 'model', parts }, ...more }] });
const text = (value: unknown) => chunk([{ text: value }]);
const call = (functionCall: unknown, thoughtSignature?: string) =>
  chunk([{ functionCall, ...(thoughtSignature === undefined ? {} : { thoughtSignature }) }]);
const end = (finishReason: unknown = 'STOP') => chunk([{ text: '' }], { finishReason });
const partial = (jsonPath: unknown, value: object, willContinue?: boolean) =>
  call({ partialArgs: [{ jsonPath, ...value, willContinue }], willContinue: true });

function read(list: readonly unknown[]) {
  return readWire('gemini', [events(list)]);
}

describe('a Gemini answer', () => {
  it('is text, with usage and one end', () => {
    const usage = { promptTokenCount: 9, cachedContentTokenCount: 4, candidatesTokenCount: 5, thoughtsTokenCount: 2 };
    const sink = read([
      { ...text('Hel'), usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1 } },
      text(''),
      text(null),
      { usageMetadata: { trafficType: 'ON_DEMAND' } },
      {
        ...chunk([{ text: 'l' }, { text: 'o' }, { executableCode: {} }], { finishReason: 'STOP' }),
        usageMetadata: usage,
      },
    ]);
    expect(sink.calls).toEqual([
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'l' },
      { kind: 'text', text: 'o' },
      { kind: 'usage', usage: { input: 9, output: 7, reasoning: 2, cached: 4 } },
      { kind: 'end', finish: 'stop', rawFinish: 'STOP' },
    ]);
  });

  it.each([
    ['CR LF', (body: string) => body.replaceAll('\n', '\r\n')],
    ['a byte order mark', (body: string) => `\ufeff${body}`],
    ['no blank line at the end', (body: string) => body.trimEnd()],
    ['[DONE] at its end', (body: string) => `${body}data: [DONE]\n\n`],
  ])('is read with %s', (_name, change) => {
    const sink = readWire('gemini', [change(events([text('Hi'), end()]))]);
    expect([sink.text, sink.end?.finish, sink.usage]).toEqual(['Hi', 'stop', undefined]);
  });

  it('survives null and nonsense in every field', () => {
    const odd = [null, 0, 'x', [], {}, [null]].flatMap((value) => [
      { candidates: value },
      { candidates: [{ content: value, groundingMetadata: value, finishReason: null }] },
      chunk(value),
      chunk([{ functionCall: value, thoughtSignature: value }]),
      { candidates: [{ groundingMetadata: { groundingChunks: value } }] },
      { usageMetadata: value, promptFeedback: value },
    ]);
    expect(
      read([...odd, { candidates: [{ index: 1, content: { parts: [{ text: 'no' }] } }] }, text('Hi'), end()]).text,
    ).toBe('Hi');
  });

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['LANGUAGE', 'other'],
    ['NEW_REASON', 'other'],
  ])('that stopped for %s ended as %s', (reason, finish) => {
    expect(read([text('x'), end(reason)]).end).toEqual({ finish, rawFinish: reason });
  });

  it('may be a document, or a list of what would be events', () => {
    const whole = chunk([{ text: 'Hi' }], { finishReason: 'STOP' });
    for (const body of [JSON.stringify(whole), JSON.stringify([text('H'), text('i'), end()])]) {
      for (let at = 0; at <= body.length; at += 1) {
        const sink = readWire('gemini', [body.slice(0, at), body.slice(at)]);
        expect([sink.text, sink.end?.finish]).toEqual(['Hi', 'stop']);
      }
    }
  });

  it('has thoughts as reasoning, and their signatures for the next request', () => {
    const sink = read([
      chunk([{ text: 'Hm', thought: true }]),
      chunk([{ text: 'Hi' }]),
      chunk([{ text: '', thoughtSignature: 'sig' }], { finishReason: 'STOP' }),
    ]);
    expect([sink.reasoning, sink.text, sink.native]).toEqual(['Hm', 'Hi', { calls: [], signature: 'sig' }]);
  });

  it('has what it is grounded on as sources', () => {
    const groundingChunks = [
      { web: { uri: 'https://a.example/', title: 'A' } },
      { web: null },
      { web: { uri: 'ftp://b' } },
    ];
    const sink = read([chunk([{ text: 'Hi' }], { groundingMetadata: { groundingChunks } }), end()]);
    expect(sink.sources).toEqual([{ url: 'https://a.example/', title: 'A' }]);
  });
});

describe('tool calls of a Gemini answer', () => {
  it('are whole, with or without ids, and end the answer for tools', () => {
    const sink = read([
      call({ name: 'f', args: { x: 1 } }, 'sig'),
      chunk([{ functionCall: { name: 'g', id: 'given', args: null } }, { functionCall: { name: 'h' } }]),
      end(),
    ]);
    expect(sink.toolCalls).toEqual([
      { id: 'call_made_0', name: 'f', arguments: '{"x":1}' },
      { id: 'given', name: 'g', arguments: '{}' },
      { id: 'call_made_1', name: 'h', arguments: '{}' },
    ]);
    expect(sink.toolCallDeltas).toBe('f{"x":1}gh');
    expect(sink.end).toEqual({ finish: 'tool_calls', rawFinish: 'STOP' });
    expect(sink.native).toEqual({
      calls: [
        { call: 'call_made_0', signature: 'sig' },
        { call: 'given', id: 'given' },
      ],
    });
  });

  it('may have arguments that come value by value', () => {
    const sink = read([
      call({ name: 'f', willContinue: true }),
      partial('$.city', { stringValue: 'Os' }, true),
      partial('$.city', { stringValue: 'lo' }, true),
      partial('$.city', { stringValue: '' }),
      partial('$.days', { numberValue: 3 }),
      partial('$.exact', { boolValue: false }),
      partial('$.none', { nullValue: 'NULL_VALUE' }),
      partial('$.stops[0].name', { stringValue: 'A' }),
      partial("$.stops[1]['a b']", { stringValue: 'B' }),
      partial('$.__proto__.polluted', { boolValue: true }),
      partial('$.again', { stringValue: 'one' }),
      partial('$.again', { stringValue: 'two' }),
      partial(null, { stringValue: 'nowhere' }),
      call({}),
      call({}),
      call({ name: 'g', willContinue: true }),
      call({}),
      end(),
    ]);
    expect(sink.toolCalls.map((made) => made.arguments)).toEqual([
      '{"city":"Oslo","days":3,"exact":false,"none":null,"stops":[{"name":"A"},{"a b":"B"}],"__proto__":{"polluted":true},"again":"two"}',
      '{}',
    ]);
    expect(sink.toolCallDeltas).toBe('fOslo3falsenullABtrueonetwog');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each(['city', '$', '$..x', '$[*]', '$.x[99999999]', '$.x[5]', `$${'.x'.repeat(100)}`, `$.${'x'.repeat(2000)}`])(
    'fail for an argument at %.20s',
    (path) => {
      const sink = read([call({ name: 'f', willContinue: true }), partial(path, { boolValue: true }), end()]);
      expect([sink.error?.code, sink.toolCalls]).toEqual(['upstream_malformed', []]);
    },
  );

  it('that the output bound cut off are left out', () => {
    const cut = [
      call({ name: 'f', willContinue: true }),
      partial('$.x', { stringValue: 'a' }, true),
      end('MAX_TOKENS'),
    ];
    expect([read(cut).toolCalls, read(cut).end?.finish]).toEqual([[], 'length']);
  });
});

describe('a Gemini answer that fails', () => {
  it.each([
    ['nothing', '', 'upstream_truncated'],
    ['no finish reason', events([text('Hello')]), 'upstream_truncated'],
    ['a cut inside an event', `${events([text('Hello')])}data: {"cand`, 'upstream_truncated'],
    ['malformed JSON', `${events([text('Hello')])}data: {"cand":}\n\n`, 'upstream_malformed'],
    ['a list without an end', JSON.stringify([text('Hello')]), 'upstream_truncated'],
    ['a web page', '<html>sk-canary</html>', 'upstream_malformed'],
    ['a document that is no answer', '{"hello":1}', 'upstream_malformed'],
    ['an unreadable call', events([end('MALFORMED_FUNCTION_CALL')]), 'upstream_malformed'],
    ['a blocked prompt', events([{ promptFeedback: { blockReason: 'SAFETY' } }]), 'content_refused'],
  ])('with %s has one error', (_name, body, code) => {
    const sink = readWire('gemini', [body]);
    expect([sink.error?.code, sink.end]).toEqual([code, undefined]);
    expect(sink.error?.message).not.toContain('canary');
  });

  it.each([
    [{ code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded.' }, 'upstream_overloaded'],
    [{ code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x' }, 'upstream_rate_limited'],
    [{ code: 500, status: 'INTERNAL', message: 'x' }, 'upstream_error'],
    [{ code: 504, status: 'DEADLINE_EXCEEDED', message: 'x' }, 'upstream_timeout'],
    [{ code: 404, status: 'NOT_FOUND', message: 'models/x is not found for API version v1beta' }, 'model_not_found'],
    [{ code: 400, status: 'INVALID_ARGUMENT', message: 'x' }, 'upstream_rejected'],
    [{ code: 403, status: 'PERMISSION_DENIED', message: 'x' }, 'upstream_unauthorized'],
    [
      { code: 400, status: 'INVALID_ARGUMENT', message: 'x', details: [null, { reason: 'API_KEY_INVALID' }] },
      'upstream_unauthorized',
    ],
    [
      {
        code: 400,
        status: 'INVALID_ARGUMENT',
        message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).',
      },
      'context_too_long',
    ],
  ])('as %j says', (error, code) => {
    expect(read([text('Hello'), { error }]).error?.code).toBe(code);
    expect(readWire('gemini', [JSON.stringify([{ error }])]).error?.code).toBe(code);
    expect(readWire('gemini', [JSON.stringify({ error })]).error?.code).toBe(code);
  });
});

describe('the path of a Gemini request', () => {
  it.each([
    ['gemini-x', '/v1beta/models/gemini-x:streamGenerateContent?alt=sse'],
    ['models/gemini-x', '/v1beta/models/gemini-x:streamGenerateContent?alt=sse'],
    ['../../other', '/v1beta/models/..%2F..%2Fother:streamGenerateContent?alt=sse'],
    ['..', '/v1beta/models/..:streamGenerateContent?alt=sse'],
    ['a?b#c', '/v1beta/models/a%3Fb%23c:streamGenerateContent?alt=sse'],
    ['//evil.example/\r\nx: y', '/v1beta/models/%2F%2Fevil.example%2F%0D%0Ax%3A%20y:streamGenerateContent?alt=sse'],
    ['\ud800', '/v1beta/models/%EF%BF%BD:streamGenerateContent?alt=sse'],
  ])('keeps the model %j in its place', (model, path) => {
    const base = new URL('https://provider.example/v1beta/');
    expect(modelPath(base, model)).toBe(path);
    const whole = new URL(modelPath(base, model), base);
    expect([whole.host, whole.pathname.split('/').length]).toEqual(['provider.example', 4]);
  });

  it('keeps the query of the base', () => {
    expect(modelPath(new URL('https://p.example/v1?x=1'), 'm')).toBe('/v1/models/m:streamGenerateContent?x=1&alt=sse');
  });
});
