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

describe('the short way of the usual chunk', () => {
  it('says what the long way says, whatever comes between', () => {
    fc.assert(
      fc.property(fc.array(chunks, { minLength: 1, maxLength: 30 }), fc.boolean(), (stream, isSpaced) => {
        const events = stream.map(
          (chunk) => `data: ${JSON.stringify(chunk, undefined, isSpaced ? 1 : 0).replaceAll('\n', ' ')}\n\n`,
        );
        const sink = readChat([events.join(''), 'data: [DONE]\n\n']);
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
