import { describe, expect, it } from 'vitest';
import { events, readWire } from './support/wires.ts';

const begin = {
  type: 'message_start',
  message: { id: 'm', content: [], usage: { input_tokens: 5, output_tokens: 1 } },
};
const end = [
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
  { type: 'message_stop' },
];
const start = (index: number, content_block: unknown) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, piece: unknown) => ({ type: 'content_block_delta', index, delta: piece });
const stop = (index: number) => ({ type: 'content_block_stop', index });
const text = (index: number, value: unknown) => delta(index, { type: 'text_delta', text: value });
const json = (index: number, value: unknown) => delta(index, { type: 'input_json_delta', partial_json: value });
const endFor = (reason: unknown) => [
  { type: 'message_delta', delta: { stop_reason: reason } },
  { type: 'message_stop' },
];

function read(list: readonly unknown[]) {
  return readWire('anthropic', [events(list)]);
}

describe('an Anthropic answer', () => {
  it('is text of several blocks, with usage and one end', () => {
    const sink = read([
      begin,
      begin,
      { type: 'ping' },
      start(0, { type: 'text', text: 'He' }),
      text(0, 'l'),
      text(0, ''),
      text(0, null),
      stop(0),
      start(1, { type: 'text', text: '' }),
      text(1, 'lo'),
      { type: 'something_new', index: 1 },
      ...end,
    ]);
    expect(sink.calls).toEqual([
      { kind: 'text', text: 'He' },
      { kind: 'text', text: 'l' },
      { kind: 'text', text: 'lo' },
      { kind: 'usage', usage: { input: 5, output: 9, reasoning: 0, cached: 0 } },
      { kind: 'end', finish: 'stop', rawFinish: 'end_turn' },
    ]);
  });

  it.each([
    ['CR LF', (body: string) => body.replaceAll('\n', '\r\n')],
    ['a byte order mark', (body: string) => `\ufeff${body}`],
    ['comments', (body: string) => body.replaceAll('\n\n', '\n\n: ping\n\n')],
    ['no names of events', (body: string) => body.replaceAll(/event: .*\n/g, '')],
    [
      'types in the names of events alone',
      (body: string) => body.replaceAll(/\{"type":"(message|content)_[a-z_]*",?/g, '{'),
    ],
    ['no blank line at the end', (body: string) => body.trimEnd()],
    ['[DONE] at its end', (body: string) => body.replace(/event: message_stop\n.*\n/, 'data: [DONE]\n')],
  ])('is read with %s', (_name, change) => {
    const sink = readWire('anthropic', [
      change(events([begin, start(0, { type: 'text', text: '' }), text(0, 'Hi'), ...end])),
    ]);
    expect([sink.text, sink.end?.finish, sink.error]).toEqual(['Hi', 'stop', undefined]);
  });

  it('survives null and nonsense in every field', () => {
    const odd = [null, 0, 'x', [], {}];
    const list = odd.flatMap((value) => [
      start(0, value),
      delta(0, value),
      { type: 'message_start', message: value },
      { type: 'message_delta', delta: value, usage: value },
      { type: 'content_block_start', index: value, content_block: { type: 'web_search_tool_result', content: value } },
      start(3, { type: value, text: value, input: value }),
    ]);
    expect(read([...list, start(0, { type: 'text' }), text(0, 'Hi'), ...end]).text).toBe('Hi');
  });

  it('has usage only where the provider says so', () => {
    const sink = read([{ type: 'message_start', message: {} }, text(0, 'Hi'), ...endFor('end_turn')]);
    expect([sink.text, sink.usage]).toEqual(['Hi', undefined]);
  });

  it('counts what went through the cache as input, and takes the last count', () => {
    const first = {
      input_tokens: 10,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 1000,
      output_tokens: 1,
    };
    const last = {
      input_tokens: 20,
      output_tokens: 50,
      output_tokens_details: { thinking_tokens: 30 },
      cache_read_input_tokens: null,
    };
    const sink = read([
      { type: 'message_start', message: { usage: first } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: last },
      { type: 'message_stop' },
    ]);
    expect(sink.usage).toEqual({ input: 1120, output: 50, reasoning: 30, cached: 100, cacheWrite: 1000 });
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['pause_turn', 'other'],
    ['new_reason', 'other'],
  ])('that stopped for %s ended as %s', (reason, finish) => {
    expect(read([begin, text(0, 'x'), ...endFor(reason)]).end).toEqual({ finish, rawFinish: reason });
  });

  it('may be one document', () => {
    const body = JSON.stringify({
      type: 'message',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 's' },
        { type: 'text', text: 'Hi', citations: [{ url: 'https://a.example/' }] },
        { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 1, output_tokens: 2 },
    });
    for (let at = 0; at <= body.length; at += 1) {
      expect(readWire('anthropic', [body.slice(0, at), body.slice(at)]).calls).toEqual([
        { kind: 'reasoning', text: 'Hm' },
        { kind: 'text', text: 'Hi' },
        { kind: 'source', source: { url: 'https://a.example/' } },
        { kind: 'toolCallDelta', text: 'f' },
        { kind: 'toolCall', call: { id: 'a', name: 'f', arguments: '{"x":1}' } },
        { kind: 'native', value: { blocks: [{ type: 'thinking', thinking: 'Hm', signature: 's' }] } },
        { kind: 'usage', usage: { input: 1, output: 2, reasoning: 0, cached: 0 } },
        { kind: 'end', finish: 'tool_calls', rawFinish: 'tool_use' },
      ]);
    }
  });
});

describe('thinking', () => {
  it('is given as it comes, and kept in order for the next request', () => {
    const sink = read([
      begin,
      start(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'Hm' }),
      delta(0, { type: 'thinking_delta', thinking: '.' }),
      delta(0, { type: 'signature_delta', signature: 'si' }),
      delta(0, { type: 'signature_delta', signature: 'g' }),
      stop(0),
      start(1, { type: 'redacted_thinking', data: 'secret' }),
      stop(1),
      start(2, { type: 'thinking', thinking: 'unsigned' }),
      stop(2),
      start(3, { type: 'text', text: 'Hi' }),
      ...end,
    ]);
    expect([sink.reasoning, sink.text]).toEqual(['Hm.unsigned', 'Hi']);
    expect(sink.native).toEqual({
      blocks: [
        { type: 'thinking', thinking: 'Hm.', signature: 'sig' },
        { type: 'redacted_thinking', data: 'secret' },
      ],
    });
    expect(sink.kinds.indexOf('native')).toBeLessThan(sink.kinds.indexOf('end'));
  });

  it('is not sent back after a refusal', () => {
    const block = start(0, { type: 'thinking', thinking: 'Hm', signature: 's' });
    expect(read([begin, block, ...endFor('refusal')]).native).toBeUndefined();
  });
});

describe('tool calls of an Anthropic answer', () => {
  it('are given whole, in the order in which they began, also where they come interleaved', () => {
    const sink = read([
      begin,
      start(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
      start(1, { type: 'tool_use', id: 'b', name: 'g', input: {} }),
      json(1, '{"y":'),
      json(0, '{"x":'),
      json(0, ''),
      json(1, '2}'),
      stop(1),
      json(0, '1}'),
      stop(0),
      start(2, { type: 'tool_use', name: 'now', input: {} }),
      json(2, ''),
      stop(2),
      ...endFor('tool_use'),
    ]);
    expect(sink.toolCallDeltas).toBe('fg{"y":{"x":2}1}now');
    expect(sink.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}' },
      { id: 'b', name: 'g', arguments: '{"y":2}' },
      { id: 'call_made_0', name: 'now', arguments: '{}' },
    ]);
    expect(sink.end?.finish).toBe('tool_calls');
  });

  it('of the provider itself are none; what they found is a source', () => {
    const found = [
      { type: 'web_search_result', url: 'https://a.example/', title: 'A' },
      { type: 'web_search_result', url: 'javascript:alert(1)', title: 'B' },
      null,
    ];
    const sink = read([
      begin,
      start(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      json(0, '{"query":"x"}'),
      stop(0),
      start(1, { type: 'web_search_tool_result', content: found }),
      start(2, { type: 'web_fetch_tool_result', content: { url: 'https://b.example/' } }),
      start(3, { type: 'web_search_tool_result', content: { type: 'web_search_tool_result_error' } }),
      start(4, { type: 'text', text: '' }),
      delta(4, { type: 'citations_delta', citation: { url: 'https://c.example/', title: 'C' } }),
      delta(4, { type: 'citations_delta', citation: { url: 'https://a.example/' } }),
      delta(4, { type: 'citations_delta', citation: { type: 'page_location' } }),
      text(4, 'Hi'),
      ...end,
    ]);
    expect([sink.toolCalls, sink.toolCallDeltas, sink.end?.finish]).toEqual([[], '', 'stop']);
    expect(sink.sources).toEqual([
      { url: 'https://a.example/', title: 'A' },
      { url: 'https://b.example/' },
      { url: 'https://c.example/', title: 'C' },
    ]);
  });

  it('with arguments that are not JSON fail, unless the output bound cut them off', () => {
    const call = [begin, start(0, { type: 'tool_use', id: 'a', name: 'f' }), json(0, '{"x": ')];
    const sink = read([...call, stop(0), ...endFor('tool_use')]);
    expect([sink.error?.code, sink.toolCalls]).toEqual(['upstream_malformed', []]);
    expect(read([...call, stop(0), ...endFor('max_tokens')]).end?.finish).toBe('length');
  });
});

describe('an Anthropic answer that fails', () => {
  const hello = [begin, text(0, 'Hello')];
  it.each([
    ['nothing', '', 'upstream_truncated'],
    ['a missing end', events(hello), 'upstream_truncated'],
    ['no message_stop', events([...hello, end[0]]), 'upstream_truncated'],
    ['a cut inside an event', `${events(hello)}data: {"type":"mess`, 'upstream_truncated'],
    ['malformed JSON', `${events(hello)}data: {"type":}\n\n`, 'upstream_malformed'],
    ['no object', `${events(hello)}data: [1]\n\n`, 'upstream_malformed'],
    ['a web page', '<html>sk-canary</html>', 'upstream_malformed'],
    ['a document that is no answer', '{"hello":1}', 'upstream_malformed'],
    ['a cut document', '{"type":"message","content":[', 'upstream_malformed'],
  ])('with %s has one error', (_name, body, code) => {
    const sink = readWire('anthropic', [body]);
    expect([sink.error?.code, sink.end]).toEqual([code, undefined]);
    expect(sink.error?.message).not.toContain('canary');
  });

  it.each([
    [{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'upstream_overloaded'],
    [{ type: 'error', error: { type: 'rate_limit_error', message: 'x' } }, 'upstream_rate_limited'],
    [{ type: 'error', error: { type: 'api_error', message: 'x' } }, 'upstream_error'],
    [{ type: 'error', error: { type: 'timeout_error', message: 'x' } }, 'upstream_timeout'],
    [{ type: 'error', error: { type: 'billing_error', message: 'x' } }, 'upstream_unauthorized'],
    [{ type: 'error', error: { type: 'authentication_error', message: 'x' } }, 'upstream_unauthorized'],
    [{ type: 'error', error: { type: 'not_found_error', message: 'model: claude-9' } }, 'model_not_found'],
    [{ type: 'error', error: { type: 'request_too_large', message: 'x' } }, 'context_too_long'],
    [
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens' } },
      'context_too_long',
    ],
    [{ type: 'error', error: { type: 'invalid_request_error', message: 'x' } }, 'upstream_rejected'],
    [{ type: 'error', error: null }, 'upstream_error'],
  ])('as %j says', (event, code) => {
    expect(read([...hello, event]).error?.code).toBe(code);
    expect(readWire('anthropic', [`event: error\ndata: ${JSON.stringify(event)}\n\n`]).error?.code).toBe(code);
    expect(readWire('anthropic', [JSON.stringify(event)]).error?.code).toBe(code);
  });
});
