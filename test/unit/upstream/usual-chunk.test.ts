import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { UsualChunk } from '../../../src/upstream/openai-chat/usual-chunk.ts';
import { readChat } from './support/read-chat.ts';

const around = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' };
const textChunk = (content: unknown, more: object = {}): object => ({
  ...around,
  choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
  ...more,
});

const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('"', '\\', '","x":"', '\\"', '\n', '\u0000', '', '}', '"content":"', '€', '\ud83d\ude00', '\\u0041'),
);

/** What providers put between the usual chunks, and what would be misread if only its text were looked at. */
const chunks = fc.oneof(
  { weight: 8, arbitrary: text.map((content) => textChunk(content)) },
  text.map((content) => textChunk(content, { created: 1_700_000_001 })),
  { weight: 4, arbitrary: fc.tuple(text, text).map(([content, obfuscation]) => textChunk(content, { obfuscation })) },
  text.map((content) => textChunk(content, { system_fingerprint: 'fp' })),
  text.map((content) => textChunk(content, { citations: ['https://example.org/'] })),
  text.map((content) => textChunk(content, { usage: { prompt_tokens: 1, completion_tokens: 2 } })),
  text.map((content) => textChunk([{ type: 'text', text: content }])),
  text.map((content) => ({ ...around, choices: [{ index: 1, delta: { content }, finish_reason: null }] })),
  text.map((content) => ({
    ...around,
    choices: [{ index: 0, delta: { content, reasoning_content: content }, finish_reason: null }],
  })),
  text.map((content) => ({ ...around, choices: [{ index: 0, delta: { role: 'assistant', content } }] })),
  text.map((content) => ({ ...around, choices: [{ index: 0, delta: { refusal: content, content: null } }] })),
  fc.constant({ ...around, choices: [] }),
);

const streams = fc.array(chunks, { minLength: 1, maxLength: 30 });

/** Ways to write an event; the first is the one that nearly all providers have. */
const framings = fc.oneof(
  { weight: 3, arbitrary: fc.constant(['data: ', '\n\n'] as const) },
  fc.constantFrom(
    ['data:', '\n\n'] as const,
    ['data: ', '\r\n\r\n'] as const,
    ['event: x\ndata: ', '\n\n'] as const,
    [': a comment\n\ndata: ', '\n\n'] as const,
    ['data: ', '\n\n\n'] as const,
    ['data: ', '\ndata:\n\n'] as const,
  ),
);

/** Lengths in bytes of the pieces in which a body comes; the rest is the last one. */
const cuts = fc.array(fc.oneof(fc.nat(20), fc.nat(400), fc.nat(2_000)), { maxLength: 30 });

function inPieces(text: string, lengths: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(from, from + length));
    from += length;
  }
  return [...pieces, bytes.subarray(from)];
}

describe('the short way of the usual chunk', () => {
  it('says what the long way says, whatever comes between', () => {
    fc.assert(
      fc.property(streams, fc.boolean(), framings, cuts, (stream, isSpaced, [start, end], lengths) => {
        const events = stream.map(
          (chunk) => `${start}${JSON.stringify(chunk, undefined, isSpaced ? 1 : 0).replaceAll('\n', ' ')}${end}`,
        );
        const sink = readChat([...inPieces(events.join(''), lengths), 'data: [DONE]\n\n']);
        // a reader of its own for each chunk has learnt nothing
        const alone = events.map((event) => readChat([event, 'data: [DONE]\n\n']));
        expect(sink.text).toBe(alone.map((one) => one.text).join(''));
        expect(sink.reasoning).toBe(alone.map((one) => one.reasoning).join(''));
        expect(sink.error).toBeUndefined();
      }),
      { numRuns: 400 },
    );
  });

  test('is taken where only the text differs, and never for a text that has to be parsed', () => {
    const usual = new UsualChunk();
    const learn = (chunk: object): void => usual.learn(JSON.stringify(chunk), chunk as Record<string, unknown>);
    const read = (chunk: object): string | undefined => usual.read(JSON.stringify(chunk));
    expect(read(textChunk(' a'))).toBeUndefined();
    learn(textChunk(' a'));
    expect(read(textChunk(' word'))).toBe(' word');
    expect(read(textChunk(''))).toBe('');
    expect(read(textChunk('a "quoted" one'))).toBeUndefined();
    expect(read(textChunk('a\nb'))).toBeUndefined();
    expect(read(textChunk(' a', { created: 1_700_000_001 }))).toBeUndefined();
    expect(read({ ...textChunk(' a'), error: { message: 'x' } })).toBeUndefined();
  });

  test('padding may be of any length, and is skipped', () => {
    const usual = new UsualChunk();
    const data = (content: string, obfuscation: string): string =>
      JSON.stringify({ ...textChunk(content, { obfuscation }), usage: null });
    usual.learn(data('a', 'x'), JSON.parse(data('a', 'x')) as Record<string, unknown>);
    expect(usual.read(data(' word', 'Qup1Bs'))).toBe(' word');
    expect(usual.read(data(' word', ''))).toBe(' word');
    expect(usual.read(data(' word', 'a"b'))).toBeUndefined();
    expect(usual.read(data(' word', 'a').replace('"usage":null', '"usage":{}'))).toBeUndefined();
  });

  test('reads the events at the start of a piece, up to the first one that is not as the one learnt', () => {
    const usual = new UsualChunk();
    const data = (content: string): string => JSON.stringify(textChunk(content));
    const event = (content: string): string => `data: ${data(content)}\n\n`;
    const read = (piece: string): [number, string[]] => {
      const texts: string[] = [];
      return [usual.readEvents(piece, (said) => texts.push(said)), texts];
    };
    expect(read(event('a'))).toEqual([0, []]);
    usual.learn(data('a'), textChunk('a') as Record<string, unknown>);
    const two = event(' b') + event('');
    expect(read(two)).toEqual([two.length, [' b', '']]);
    for (const other of ['data: [DONE]\n\n', ': comment\n\n', event('\n'), event(' c').slice(0, -1), '\n', 'data: {'])
      expect(read(two + other + two)).toEqual([two.length, [' b', '']]);
    expect(read(`data: ${data(' b')}\ndata: x\n\n`)).toEqual([0, []]);
  });

  test('learns nothing from a chunk that says more than a text', () => {
    const usual = new UsualChunk();
    const others = [
      textChunk('a', { usage: { prompt_tokens: 1 } }),
      textChunk('a', { citations: [] }),
      { ...around, choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }] },
      { ...around, choices: [{ index: 0, delta: { content: 'a', tool_calls: [] } }] },
      { ...around, choices: [{ index: 1, delta: { content: 'a' } }] },
    ];
    for (const chunk of others) {
      usual.learn(JSON.stringify(chunk), chunk as Record<string, unknown>);
      expect(usual.read(JSON.stringify(chunk))).toBeUndefined();
    }
    // the later of two keys of one name counts
    const twice = '{"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}';
    usual.learn(twice, JSON.parse(twice) as Record<string, unknown>);
    expect(usual.read(twice)).toBeUndefined();
  });
});
