import { describe, expect, it } from 'vitest';
import { createWireUpstream, events, readWire } from './support/wires.ts';
import { runAnswer } from './support/chat-upstream.ts';
import { startUpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';

const begin = { type: 'response.created', response: { status: 'in_progress', output: [] } };
const completed = (response: unknown = {}) => ({ type: 'response.completed', response });
const incomplete = (reason: unknown) => ({ type: 'response.incomplete', response: { incomplete_details: { reason } } });
const added = (output_index: number, item: unknown) => ({ type: 'response.output_item.added', output_index, item });
const done = (output_index: number, item: unknown) => ({ type: 'response.output_item.done', output_index, item });
const text = (delta: unknown, output_index = 0) => ({ type: 'response.output_text.delta', output_index, delta });
const args = (output_index: number, delta: unknown) => ({
  type: 'response.function_call_arguments.delta',
  output_index,
  delta,
});
const thought = (delta: unknown, kind = 'summary_text', output_index = 0) => ({
  type: kind === 'text' ? 'response.reasoning_text.delta' : 'response.reasoning_summary_text.delta',
  output_index,
  delta,
});

function read(list: readonly unknown[]) {
  return readWire('openai-responses', [events(list)]);
}

describe('a Responses answer', () => {
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 4 },
    output_tokens: 6,
    output_tokens_details: { reasoning_tokens: 2 },
  };

  it('is text, with usage and one end', () => {
    const message = { type: 'message', id: 'm', content: [{ type: 'output_text', text: 'Hello' }] };
    const sink = read([
      begin,
      { type: 'response.in_progress' },
      added(0, { type: 'message', id: 'm', content: [] }),
      { type: 'response.content_part.added', output_index: 0, part: { type: 'output_text', text: '' } },
      text('Hel'),
      text(''),
      text(null),
      text('lo'),
      { type: 'response.something.new', delta: 'x' },
      { type: 'response.output_text.done', output_index: 0, text: 'Hello' },
      done(0, message),
      completed({ output: [message], usage }),
    ]);
    expect(sink.calls).toEqual([
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'usage', usage: { input: 10, output: 6, reasoning: 2, cached: 4 } },
      { kind: 'end', finish: 'stop', rawFinish: undefined },
    ]);
  });

  it.each([
    ['CR LF', (body: string) => body.replaceAll('\n', '\r\n')],
    ['a byte order mark', (body: string) => `\ufeff${body}`],
    ['no names of events', (body: string) => body.replaceAll(/event: .*\n/g, '')],
    ['types in the names of events alone', (body: string) => body.replaceAll(/\{"type":"response[a-z_.]*",?/g, '{')],
    ['no blank line at the end', (body: string) => body.trimEnd()],
    ['[DONE] at its end', (body: string) => `${body}data: [DONE]\n\ndata: nonsense\n\n`],
  ])('is read with %s', (_name, change) => {
    const sink = readWire('openai-responses', [change(events([begin, text('Hi'), completed()]))]);
    expect([sink.text, sink.end?.finish, sink.error]).toEqual(['Hi', 'stop', undefined]);
  });

  it('survives null and nonsense in every field', () => {
    const odd = [null, 0, 'x', [], {}];
    const list = odd.flatMap((value) => [
      { type: 'response.created', response: value },
      { type: 'response.output_item.added', output_index: value, item: value },
      { type: 'response.output_item.done', output_index: 7, item: value },
      { type: 'response.output_item.done', output_index: 8, item: { type: 'message', content: value } },
      { type: 'response.output_item.done', output_index: 9, item: { type: 'reasoning', summary: value } },
      { type: 'response.output_text.annotation.added', annotation: value },
      { type: 'response.function_call_arguments.delta', output_index: 5, delta: value },
      { type: 'response.reasoning_summary_text.delta', delta: value === 'x' ? '' : value },
    ]);
    expect(read([begin, ...list, text('Hi', 20), completed({ usage: 'x', output: 5 })]).text).toBe('Hi');
  });

  it('may come in whole items, with a refusal as text', () => {
    const content = [{ type: 'output_text', text: 'A' }, { type: 'refusal', refusal: 'B' }, null];
    expect(read([begin, done(0, { type: 'message', content }), completed()]).text).toBe('AB');
    expect(read([begin, completed({ output: [{ type: 'message', content }] })]).text).toBe('AB');
    const refusal = { type: 'response.refusal.delta', output_index: 0, delta: 'I cannot.' };
    expect(read([begin, refusal, completed()]).text).toBe('I cannot.');
  });

  it('may be one document', () => {
    const body = JSON.stringify({
      object: 'response',
      status: 'completed',
      error: null,
      output: [
        { type: 'reasoning', id: 'rs', summary: [{ text: 'Hm' }], encrypted_content: 'e' },
        {
          type: 'message',
          content: [{ type: 'output_text', text: 'Hi', annotations: [{ url: 'https://a.example/', title: 'A' }] }],
        },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"x":1}' },
      ],
      usage,
    });
    for (let at = 0; at <= body.length; at += 1) {
      expect(readWire('openai-responses', [body.slice(0, at), body.slice(at)]).calls).toEqual([
        { kind: 'reasoning', text: 'Hm' },
        { kind: 'text', text: 'Hi' },
        { kind: 'source', source: { url: 'https://a.example/', title: 'A' } },
        { kind: 'toolCallDelta', text: 'f' },
        { kind: 'toolCallDelta', text: '{"x":1}' },
        { kind: 'toolCall', call: { id: 'c', name: 'f', arguments: '{"x":1}' } },
        {
          kind: 'native',
          value: {
            model: 'double',
            items: [
              { type: 'reasoning', id: 'rs', summary: ['Hm'], encrypted_content: 'e' },
              { type: 'message', length: 2 },
              { type: 'function_call', call_id: 'c' },
            ],
          },
        },
        { kind: 'usage', usage: { input: 10, output: 6, reasoning: 2, cached: 4 } },
        { kind: 'end', finish: 'tool_calls', rawFinish: undefined },
      ]);
    }
  });

  it.each([
    ['max_output_tokens', 'length'],
    ['content_filter', 'content_filter'],
    ['new_reason', 'other'],
  ])('that is incomplete for %s ended as %s', (reason, finish) => {
    expect(read([begin, text('x'), incomplete(reason)]).end).toEqual({ finish, rawFinish: reason });
  });

  it('ends although the body stays open', async () => {
    const double = await startUpstreamDouble();
    const bytes = events([begin, text('Hi'), completed()]);
    double.setPlan({ kind: 'bytes', bytes, ending: 'hang' });
    const upstream = createWireUpstream('openai-responses', { baseUrl: double.url });
    const sink = await runAnswer(upstream);
    expect([sink.text, sink.end?.finish, sink.violations]).toEqual(['Hi', 'stop', []]);
    await upstream.close();
    await double.close();
  });
});

describe('reasoning of a Responses answer', () => {
  it('is given as it comes, and kept encrypted for the next request', () => {
    const reasoning = { type: 'reasoning', id: 'rs', summary: [{ text: 'Hm.' }], encrypted_content: 'later' };
    const sink = read([
      begin,
      added(0, { ...reasoning, summary: [], encrypted_content: 'earlier' }),
      { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 0 },
      thought('Hm'),
      thought('.'),
      { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 1 },
      thought('So.'),
      done(0, reasoning),
      added(1, { type: 'reasoning', id: 'open', content: [] }),
      thought('raw', 'text', 1),
      text('Hi', 2),
      done(2, { type: 'message', phase: 'final_answer', content: [] }),
      completed(),
    ]);
    expect([sink.reasoning, sink.text]).toEqual(['Hm.\n\nSo.raw', 'Hi']);
    expect(sink.native).toEqual({
      model: 'double',
      items: [
        { type: 'reasoning', id: 'rs', summary: ['Hm.'], encrypted_content: 'later' },
        { type: 'message', length: 2, phase: 'final_answer' },
      ],
    });
  });

  it('is not kept where there is none', () => {
    expect(read([begin, text('Hi'), completed()]).native).toBeUndefined();
  });
});

describe('tool calls of a Responses answer', () => {
  it('are given whole, in the order in which they began, also where they come interleaved', () => {
    const sink = read([
      begin,
      added(0, { type: 'function_call', id: 'fc_a', call_id: 'a', name: 'f', arguments: '' }),
      added(1, { type: 'function_call', id: 'fc_b', call_id: 'b', name: 'g', arguments: '' }),
      args(1, '{"y":'),
      { ...args(0, '{"x":1}'), output_index: undefined, item_id: 'fc_a' },
      args(1, '2}'),
      args(4, 'of nothing'),
      { type: 'response.function_call_arguments.done', output_index: 1, arguments: '{"y":2}' },
      done(1, { type: 'function_call', call_id: 'b', name: 'g', arguments: '{"y":2}' }),
      done(2, { type: 'function_call', name: 'now', arguments: '' }),
      completed(),
    ]);
    expect(sink.toolCallDeltas).toBe('fg{"y":{"x":1}2}now');
    expect(sink.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}' },
      { id: 'b', name: 'g', arguments: '{"y":2}' },
      { id: 'call_made_0', name: 'now', arguments: '{}' },
    ]);
    expect(sink.end?.finish).toBe('tool_calls');
  });

  it('of a custom tool are its text as a JSON string', () => {
    const call = { type: 'custom_tool_call', call_id: 'a', name: 'sql', input: '' };
    const sink = read([
      begin,
      added(0, call),
      { type: 'response.custom_tool_call_input.delta', output_index: 0, delta: 'SELECT "x"' },
      done(0, { ...call, input: 'SELECT "x"' }),
      completed(),
    ]);
    expect(sink.toolCalls).toEqual([{ id: 'a', name: 'sql', arguments: '"SELECT \\"x\\""' }]);
  });

  it('of the provider itself are none; citations are sources', () => {
    const citation = (url: string) => ({
      type: 'response.output_text.annotation.added',
      annotation: { type: 'url_citation', url, title: 'A' },
    });
    const sink = read([
      begin,
      added(0, { type: 'web_search_call', id: 'ws', status: 'in_progress' }),
      { type: 'response.web_search_call.searching', output_index: 0 },
      done(0, { type: 'web_search_call', id: 'ws', action: { type: 'search', query: 'x' } }),
      text('Hi', 1),
      citation('https://a.example/'),
      citation('https://a.example/'),
      citation('file:///etc/passwd'),
      completed(),
    ]);
    expect([sink.toolCalls, sink.end?.finish]).toEqual([[], 'stop']);
    expect(sink.sources).toEqual([{ url: 'https://a.example/', title: 'A' }]);
  });

  it('with arguments that are not JSON fail, unless the output bound cut them off', () => {
    const call = [begin, added(0, { type: 'function_call', call_id: 'a', name: 'f' }), args(0, '{"x": ')];
    expect(read([...call, completed()]).error?.code).toBe('upstream_malformed');
    expect(read([...call, incomplete('max_output_tokens')]).end?.finish).toBe('length');
  });

  it('of several responses in one stream are all given', () => {
    const one = (id: string) => [
      begin,
      added(0, { type: 'function_call', call_id: id, name: 'f' }),
      args(0, '{}'),
      completed({ usage: { input_tokens: 1, output_tokens: 1 } }),
    ];
    expect(read([...one('a'), ...one('b')]).toolCalls.map((call) => call.id)).toEqual(['a', 'b']);
    expect(read([...one('a'), begin]).error?.code).toBe('upstream_truncated');
  });
});

describe('a Responses answer that fails', () => {
  const hello = [begin, text('Hello')];
  it.each([
    ['nothing', '', 'upstream_truncated'],
    ['a missing end', events(hello), 'upstream_truncated'],
    ['[DONE] alone', `${events(hello)}data: [DONE]\n\n`, 'upstream_truncated'],
    ['a cut inside an event', `${events(hello)}data: {"type":"resp`, 'upstream_truncated'],
    ['malformed JSON', `${events(hello)}data: {"type":}\n\n`, 'upstream_malformed'],
    ['a web page', '<html>sk-canary</html>', 'upstream_malformed'],
    ['a document that is no answer', '{"hello":1}', 'upstream_malformed'],
    ['a document that is not ready', '{"status":"queued","output":[]}', 'upstream_malformed'],
  ])('with %s has one error', (_name, body, code) => {
    const sink = readWire('openai-responses', [body]);
    expect([sink.error?.code, sink.end]).toEqual([code, undefined]);
    expect(sink.error?.message).not.toContain('canary');
  });

  it.each([
    [{ type: 'error', code: 'rate_limit_exceeded', message: 'x', param: null }, 'upstream_rate_limited'],
    [{ type: 'error', code: 'context_length_exceeded', message: 'x' }, 'context_too_long'],
    [{ type: 'error', error: { type: 'invalid_request_error', message: 'x' } }, 'upstream_rejected'],
    [{ type: 'error', code: null, message: null }, 'upstream_error'],
    [{ type: 'response.failed', response: { error: { code: 'server_error', message: 'x' } } }, 'upstream_error'],
    [{ type: 'response.failed', response: { error: { code: 'invalid_prompt', message: 'x' } } }, 'content_refused'],
    [{ type: 'response.failed', response: { error: { code: 'invalid_image', message: 'x' } } }, 'upstream_rejected'],
    [{ type: 'response.failed', response: null }, 'upstream_error'],
    [{ error: { message: 'x', code: 503 } }, 'upstream_overloaded'],
  ])('as %j says', (event, code) => {
    expect(read([...hello, event]).error?.code).toBe(code);
  });

  it('as a document', () => {
    const failed = { status: 'failed', output: [], error: { code: 'rate_limit_exceeded', message: 'x' } };
    expect(readWire('openai-responses', [JSON.stringify(failed)]).error?.code).toBe('upstream_rate_limited');
  });
});
