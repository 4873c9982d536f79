import { describe, expect, it } from 'vitest';
import type { UpstreamRequest } from '../../../src/upstream/contract.ts';
import { chooseMaxTokensField, createRequestBody } from '../../../src/upstream/openai-chat/request-body.ts';

const options = {
  maxTokensField: 'max_tokens',
  includeUsage: true,
  assistantPrefix: 'none',
  sendsCacheKey: false,
} as const;

function bodyOf(request: Partial<UpstreamRequest>, changed: Partial<Parameters<typeof createRequestBody>[1]> = {}) {
  const whole = { turn: 't', model: 'm', messages: [], params: {}, ...request };
  return JSON.parse(JSON.stringify(createRequestBody(whole, { ...options, ...changed }))) as Record<string, unknown>;
}

describe('the request body', () => {
  it.each([
    ['trailing', {}, {}],
    ['prefix', {}, { prefix: true }],
    ['continue_final_message', { continue_final_message: true, add_generation_prompt: false }, {}],
  ] as const)('goes on with an answer as the server takes it: %s', (assistantPrefix, fields, mark) => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', text: 'Hel' },
    ] as const;
    expect(bodyOf({ messages, continuesAnswer: true }, { assistantPrefix })).toMatchObject({
      ...fields,
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hel', ...mark },
      ],
    });
    expect(bodyOf({ messages }, { assistantPrefix })).not.toHaveProperty('continue_final_message');
  });

  it('is minimal by default', () => {
    expect(bodyOf({ messages: [{ role: 'user', content: 'Hi' }] })).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(bodyOf({}, { includeUsage: false })).not.toHaveProperty('stream_options');
  });

  it('carries a conversation with tools', () => {
    const calls = [{ id: 'a', name: 'f', arguments: '{"x":1}' }];
    const body = bodyOf({
      messages: [
        { role: 'system', text: 'Be kind.' },
        { role: 'user', content: [{ type: 'text', text: 'one' }] },
        { role: 'assistant', text: '', toolCalls: calls },
        { role: 'tool', call: 'a', name: 'f', output: '2' },
        { role: 'assistant', text: 'Two.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      tools: [{ name: 'f', description: 'd', parameters: { type: 'object' } }, { name: 'g' }],
    });
    expect(body['messages']).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'one' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: '2' },
      { role: 'assistant', content: 'Two.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
    expect(body['tools']).toEqual([
      { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } },
      { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
    ]);
  });

  it('carries the parameters', () => {
    const params = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 9,
      stop: ['x'],
      seed: 0,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      reasoningEffort: 'low',
    };
    expect(bodyOf({ params })).toMatchObject({
      temperature: 0,
      top_p: 0.5,
      max_tokens: 9,
      stop: ['x'],
      seed: 0,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      reasoning_effort: 'low',
    });
    const changed = bodyOf({ params: { ...params, stop: [] }, tools: [] }, { maxTokensField: 'max_completion_tokens' });
    expect(changed['max_completion_tokens']).toBe(9);
    expect(Object.keys(changed)).not.toEqual(expect.arrayContaining(['max_tokens']));
    expect(Object.keys(changed)).not.toEqual(expect.arrayContaining(['stop']));
    expect(Object.keys(changed)).not.toEqual(expect.arrayContaining(['tools']));
  });

  it('carries media, and refuses what has no place', () => {
    const content = [
      { type: 'text', text: 'See' },
      { type: 'image', mediaType: 'image/png', data: 'AA==' },
      { type: 'image', url: 'https://a.example/b.png' },
      { type: 'audio', mediaType: 'audio/mpeg', data: 'AA==' },
      { type: 'file', mediaType: 'application/pdf', data: 'AA==', name: 'a.pdf' },
    ] as const;
    expect(bodyOf({ messages: [{ role: 'user', content }] })['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
          { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'mp3' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
        ],
      },
    ]);
    const flac = { type: 'audio', mediaType: 'audio/flac', data: 'AA==' } as const;
    expect(() => bodyOf({ messages: [{ role: 'user', content: [flac] }] })).toThrow(
      expect.objectContaining({ code: 'input_unsupported' }),
    );
  });

  it('asks for a format, a tool and a cache', () => {
    const body = bodyOf(
      {
        params: { responseFormat: { type: 'json_schema', name: 'n', schema: {} }, toolChoice: { name: 'f' } },
        tools: [{ name: 'f' }],
        cacheKey: 'k',
      },
      { sendsCacheKey: true },
    );
    expect(body).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } },
      tool_choice: { type: 'function', function: { name: 'f' } },
      prompt_cache_key: 'k',
    });
    const other = bodyOf({ params: { responseFormat: { type: 'json' }, toolChoice: 'required' }, cacheKey: 'k' });
    expect(other['response_format']).toEqual({ type: 'json_object' });
    expect(other).not.toHaveProperty('tool_choice');
    expect(other).not.toHaveProperty('prompt_cache_key');
  });
});

describe('the field of the output bound', () => {
  it.each([
    ['api.openai.com', 'o3-mini', 'max_completion_tokens'],
    ['api.openai.com', 'gpt-5-nano', 'max_completion_tokens'],
    ['api.openai.com', 'gpt-4.1-nano', 'max_tokens'],
    ['api.openai.com', 'omni', 'max_tokens'],
    ['localhost', 'o3-mini', 'max_tokens'],
  ])('of %s and %s is %s', (hostname, model, field) => {
    expect(chooseMaxTokensField(hostname, model, undefined)).toBe(field);
    expect(chooseMaxTokensField(hostname, model, 'max_completion_tokens')).toBe('max_completion_tokens');
  });
});
