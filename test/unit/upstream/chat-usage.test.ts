import { describe, expect, it } from 'vitest';
import { readChatUsage } from '../../../src/upstream/openai-chat/usage.ts';
import { chunk, eventStream, readChat } from './support/read-chat.ts';

describe('usage', () => {
  it.each([
    ['plain', { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }, [5, 7, 0, 0]],
    ['without a total', { prompt_tokens: 5, completion_tokens: 7 }, [5, 7, 0, 0]],
    [
      'OpenAI, reasoning inside',
      {
        prompt_tokens: 5,
        completion_tokens: 7,
        total_tokens: 12,
        completion_tokens_details: { reasoning_tokens: 4 },
        prompt_tokens_details: { cached_tokens: 2 },
      },
      [5, 7, 4, 2],
    ],
    [
      'xAI, reasoning beside',
      {
        prompt_tokens: 307,
        completion_tokens: 26,
        total_tokens: 560,
        completion_tokens_details: { reasoning_tokens: 227 },
        prompt_tokens_details: { cached_tokens: 306 },
      },
      [307, 253, 227, 306],
    ],
    [
      'DeepSeek',
      { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10, prompt_cache_hit_tokens: 8 },
      [9, 1, 0, 8],
    ],
    [
      'nonsense in places',
      { prompt_tokens: 9, completion_tokens: 'many', prompt_tokens_details: { cached_tokens: -3 } },
      [9, 0, 0, 0],
    ],
    [
      'more cached than sent',
      { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 30 } },
      [9, 1, 0, 9],
    ],
  ])('is read: %s', (_name, raw, [input, output, reasoning, cached]) => {
    expect(readChatUsage(raw)).toEqual({ input, output, reasoning, cached });
  });

  it.each([[null], [undefined], [{}], ['x'], [{ prompt_tokens: null }]])('is not made up from %j', (raw) => {
    expect(readChatUsage(raw)).toBeUndefined();
  });

  const one = { prompt_tokens: 1, completion_tokens: 1 };
  const two = { prompt_tokens: 1, completion_tokens: 2 };

  it('is reported once, before the end, and the last one wins', () => {
    const sink = readChat([
      eventStream([
        { ...(chunk({ content: 'a' }) as object), usage: one },
        { ...(chunk({ content: 'b' }, 'stop') as object), usage: two },
        { choices: [], usage: null },
      ]),
    ]);
    expect(sink.kinds).toEqual(['text', 'text', 'usage', 'end']);
    expect(sink.usage?.output).toBe(2);
  });

  it('is reported before an error, too', () => {
    const sink = readChat([eventStream([{ ...(chunk({ content: 'a' }) as object), usage: one }], '')]);
    expect(sink.kinds).toEqual(['text', 'usage', 'error']);
  });

  it('is found where Groq and Moonshot put it', () => {
    expect(readChat([eventStream([{ choices: [], x_groq: { usage: two } }])]).usage?.output).toBe(2);
    expect(
      readChat([eventStream([{ choices: [{ delta: {}, finish_reason: 'stop', usage: two }] }])]).usage?.output,
    ).toBe(2);
  });
});
