import { describe, expect, it } from 'vitest';
import { chunk, eventStream, readChat } from './support/read-chat.ts';

const hello = [chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hel' }), chunk({ content: 'lo' })];
const whole = [...hello, chunk({}, 'stop')];

describe('text', () => {
  it('is given piece by piece, without the empty ones', () => {
    const sink = readChat([eventStream(whole)]);
    expect(sink.calls).toEqual([
      { kind: 'text', text: 'Hel' },
      { kind: 'text', text: 'lo' },
      { kind: 'end', finish: 'stop', rawFinish: 'stop' },
    ]);
  });

  it.each([
    ['CR LF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['CR', (text: string) => text.replaceAll('\n', '\r')],
    ['no space after the colon', (text: string) => text.replaceAll('data: ', 'data:')],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['blank lines first', (text: string) => `\n\n\r\n${text}`],
    ['comments', (text: string) => `: hi\n\n${text.replaceAll('\n\n', '\n\n: ping\n\n')}`],
    [
      'event, id and retry fields',
      (text: string) => text.replaceAll('data: ', 'event: message\nid: 7\nretry: 5\ndata: '),
    ],
    ['empty data', (text: string) => text.replaceAll('\n\n', '\n\ndata:\n\n')],
    ['JSON over several data lines', (text: string) => text.replaceAll(',"choices"', '\ndata: ,"choices"')],
    ['no end of line after [DONE]', (text: string) => text.trimEnd()],
    ['bytes after [DONE]', (text: string) => `${text}data: {"nonsense\n\ndata: [DONE]\n\n`],
  ])('is read with %s', (_name, change) => {
    const bytes = Buffer.from(change(eventStream(whole)));
    for (let at = 0; at <= bytes.length; at += 1) {
      const sink = readChat([bytes.subarray(0, at), bytes.subarray(at)]);
      expect([sink.text, sink.end, sink.error]).toEqual(['Hello', { finish: 'stop', rawFinish: 'stop' }, undefined]);
    }
  });

  it('survives a split inside a character', () => {
    const text = 'naïve € 東京 🙂 👩‍👩‍👧';
    const bytes = Buffer.from(eventStream([chunk({ content: text }, 'stop')]));
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(readChat([bytes.subarray(0, at), bytes.subarray(at)]).text).toBe(text);
    }
  });

  it('may come as parts, with thinking among them', () => {
    const sink = readChat([
      eventStream([
        chunk({
          content: [
            {
              type: 'thinking',
              thinking: [
                { type: 'text', text: 'Hm.' },
                { type: 'text', text: ' So.' },
              ],
            },
          ],
        }),
        chunk({
          content: [{ type: 'thinking', thinking: ' Yes.' }, null, { type: 'text', text: 'Hi' }, { type: 'reference' }],
        }),
        chunk({ content: '!' }, 'stop'),
      ]),
    ]);
    expect([sink.reasoning, sink.text]).toEqual(['Hm. So. Yes.', 'Hi!']);
  });

  it('includes a refusal', () => {
    expect(readChat([eventStream([chunk({ content: null, refusal: 'I cannot.' }, 'stop')])]).text).toBe('I cannot.');
  });

  it('is cut into pieces where one delta is huge, never inside a character', () => {
    const text = 'a'.repeat(16_383) + '🙂'.repeat(20_000);
    const sink = readChat([eventStream([chunk({ content: text }, 'stop')])]);
    expect(sink.text).toBe(text);
    for (const call of sink.calls) {
      if (call.kind !== 'text') continue;
      expect(call.text.length).toBeLessThanOrEqual(16_384);
      expect(call.text.isWellFormed()).toBe(true);
    }
  });

  it('of another choice is ignored, as are empty choices and unknown fields', () => {
    const other = { choices: [{ index: 1, delta: { content: 'other' } }], extra: [1], usage: null, error: null };
    const empty = [{ choices: [] }, { choices: null }, {}, { choices: [{}] }, { choices: [null] }, other];
    expect(readChat([eventStream([...empty, ...whole])]).text).toBe('Hello');
  });
});

describe('reasoning', () => {
  it.each([
    ['reasoning_content', [{ reasoning_content: 'a' }, { reasoning_content: 'b', content: null }]],
    ['reasoning', [{ reasoning: 'a' }, { reasoning: 'b', content: '' }]],
    ['both names at once, once', [{ reasoning: 'ab', reasoning_content: 'ab' }]],
  ])('is read from %s', (_name, deltas) => {
    const sink = readChat([eventStream([...deltas.map((delta) => chunk(delta)), chunk({ content: 'x' }, 'stop')])]);
    expect([sink.reasoning, sink.text]).toEqual(['ab', 'x']);
  });
});

describe('the finish reason', () => {
  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'tool_calls'],
    ['function_call', 'tool_calls'],
    ['content_filter', 'content_filter'],
    ['eos', 'other'],
  ])('%s becomes %s', (raw, finish) => {
    expect(readChat([eventStream([chunk({ content: 'x' }, raw)])]).end).toEqual({ finish, rawFinish: raw });
  });

  it('may be missing where [DONE] came', () => {
    expect(readChat([eventStream(hello)]).end).toEqual({ finish: 'other', rawFinish: undefined });
  });

  it('is enough where the body ends without [DONE]', () => {
    expect(readChat([eventStream(whole, '')]).end?.finish).toBe('stop');
    expect(readChat([eventStream(whole, '').trimEnd()]).end?.finish).toBe('stop');
  });
});

describe('an unreadable body', () => {
  it.each([
    ['nothing', '', 'upstream_truncated'],
    ['a missing end', eventStream(hello, ''), 'upstream_truncated'],
    ['a cut inside a chunk', eventStream(hello, 'data: {"choices":[{"del'), 'upstream_truncated'],
    ['a cut inside the usage chunk', eventStream(whole, 'data: {"usage":{"pro'), 'upstream_truncated'],
    ['malformed JSON', eventStream(hello, 'data: {"choices":[}\n\n'), 'upstream_malformed'],
    ['two objects in a line', eventStream(hello, 'data: {"choices":[]}{"choices":[]}\n\n'), 'upstream_malformed'],
    ['no object', eventStream(hello, 'data: [1]\n\n'), 'upstream_malformed'],
    ['null', eventStream(hello, 'data: null\n\n'), 'upstream_malformed'],
    ['a web page', '<!doctype html><html><body>sk-canary-1234567890</body></html>', 'upstream_malformed'],
    ['JSON that is no answer', '{"hello":"world"}', 'upstream_malformed'],
    ['cut JSON', '{"choices":[{"mess', 'upstream_malformed'],
    ['lines of JSON', '{"choices":[]}\n{"choices":[]}\n', 'upstream_malformed'],
    ['a line that never ends', `data: {"${'y'.repeat(2_000_000)}`, 'upstream_too_large'],
    [
      'an event that never ends',
      'data: {"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n'.repeat(50_000),
      'upstream_too_large',
    ],
    ['a document that never ends', `{"${'y'.repeat(2_000_000)}`, 'upstream_too_large'],
  ])('with %s fails once with one short message', (_name, body, code) => {
    const bytes = Buffer.from(body);
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 60_000) parts.push(bytes.subarray(at, at + 60_000));
    const sink = readChat(parts);
    expect(sink.error?.code).toBe(code);
    expect(sink.error?.message.length).toBeLessThan(120);
    expect(sink.error?.message).not.toContain('canary');
    expect(sink.kinds.filter((kind) => kind === 'end' || kind === 'error')).toEqual(['error']);
    expect('Hello'.startsWith(sink.text)).toBe(true);
  });
});

describe('an error inside a stream', () => {
  it.each([
    [{ error: { message: 'slow down', type: 'rate_limit_error' } }, 'upstream_rate_limited'],
    [{ error: { message: 'x', code: 429 } }, 'upstream_rate_limited'],
    [{ error: { message: 'x', code: 'insufficient_quota' } }, 'upstream_rate_limited'],
    [{ error: { message: 'x', type: 'overloaded_error' } }, 'upstream_overloaded'],
    [{ error: { message: 'x', code: 502 } }, 'upstream_error'],
    [{ error: { message: 'x' } }, 'upstream_error'],
    [{ error: 'x' }, 'upstream_error'],
    [{ error: { code: 'content_filter' } }, 'content_refused'],
    [{ error: { message: 'This model has a maximum context length of 8 tokens' } }, 'context_too_long'],
    [{ object: 'error', message: 'bad', code: 400 }, 'upstream_rejected'],
  ])('%j becomes %s', (event, code) => {
    const inStream = readChat([eventStream([...hello, event])]);
    expect([inStream.text, inStream.error?.code]).toEqual(['Hello', code]);
    expect(readChat([`${JSON.stringify(event)}\n`]).error?.code).toBe(code);
    expect(readChat([`${eventStream(hello, '')}${JSON.stringify(event)}\n`]).error?.code).toBe(code);
  });
});

describe('an answer that was not streamed', () => {
  it('is taken as it is', () => {
    const message = {
      role: 'assistant',
      content: 'Hi',
      reasoning_content: 'Hm',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
    };
    const usage = { prompt_tokens: 3, completion_tokens: 4 };
    const body = JSON.stringify({
      object: 'chat.completion',
      choices: [{ message, finish_reason: 'tool_calls' }],
      usage,
    });
    const bytes = Buffer.from(`\ufeff \n${body}\n`);
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(readChat([bytes.subarray(0, at), bytes.subarray(at)]).calls).toEqual([
        { kind: 'reasoning', text: 'Hm' },
        { kind: 'text', text: 'Hi' },
        { kind: 'toolCallDelta', text: 'f{"x":1}' },
        { kind: 'toolCall', call: { id: 'a', name: 'f', arguments: '{"x":1}' } },
        { kind: 'usage', usage: { input: 3, output: 4, reasoning: 0, cached: 0 } },
        { kind: 'end', finish: 'tool_calls', rawFinish: 'tool_calls' },
      ]);
    }
  });
});
