import { describe, expect, it } from 'vitest';
import { createRequestBody } from '../../../src/upstream/anthropic/request-body.ts';
import type { UpstreamRequest } from '../../../src/upstream/contract.ts';

const hi = { role: 'user', content: 'Hi' } as const;

function bodyOf(request: Partial<UpstreamRequest>, promptCache = false) {
  const whole = { turn: 't', model: 'claude-sonnet-4-5', messages: [hi], params: {}, ...request };
  return createRequestBody(whole, { defaultMaxTokens: 8192, promptCache });
}

describe('an Anthropic body', () => {
  it('is minimal by default', () => {
    expect(bodyOf({})).toEqual({
      model: 'claude-sonnet-4-5',
      max_tokens: 8192,
      stream: true,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    });
  });

  it('carries a loop of tool calls with the thinking before it', () => {
    const blocks = [
      { type: 'thinking', thinking: 'Hm', signature: 's' },
      { type: 'redacted_thinking', data: 'd' },
      { type: 'x' },
    ];
    const body = bodyOf({
      messages: [
        { role: 'system', text: 'Be kind.' },
        hi,
        {
          role: 'assistant',
          text: 'Look.',
          toolCalls: [
            { id: 'a', name: 'f', arguments: '{"x":1}' },
            { id: 'functions.g:1', name: 'g', arguments: '[2]' },
          ],
          native: { wire: 'anthropic', value: { blocks } },
        },
        { role: 'tool', call: 'a', name: 'f', output: 'one' },
        { role: 'tool', call: 'functions.g:1', name: 'g', output: '' },
        { role: 'user', content: 'Well?' },
        { role: 'assistant', text: ' ', native: { wire: 'gemini', value: { blocks } } },
      ],
    });
    expect(body.system).toEqual([{ type: 'text', text: 'Be kind.' }]);
    expect(body.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm', signature: 's' },
          { type: 'redacted_thinking', data: 'd' },
          { type: 'text', text: 'Look.' },
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 'functions_g_1', name: 'g', input: { input: [2] } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'one' },
          { type: 'tool_result', tool_use_id: 'functions_g_1' },
          { type: 'text', text: 'Well?' },
        ],
      },
    ]);
  });

  it('carries media, and refuses what has no place', () => {
    const content = [
      { type: 'image', mediaType: 'image/webp', data: 'AA==' },
      { type: 'image', url: 'https://a.example/b.png' },
      { type: 'file', mediaType: 'application/pdf', data: 'AA==', name: 'a.pdf' },
      { type: 'file', mediaType: 'text/markdown', data: Buffer.from('é').toString('base64') },
    ] as const;
    expect(bodyOf({ messages: [{ role: 'user', content }] }).messages[0]?.content).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/webp', data: 'AA==' } },
      { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' }, title: 'a.pdf' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'é' } },
    ]);
    for (const part of [
      { type: 'audio', mediaType: 'audio/wav', data: 'AA==' },
      { type: 'image', mediaType: 'image/heic', data: 'AA==' },
      { type: 'file', mediaType: 'application/zip', data: 'AA==' },
    ] as const) {
      expect(() => bodyOf({ messages: [{ role: 'user', content: [part] }] })).toThrow(
        expect.objectContaining({ code: 'input_unsupported' }),
      );
    }
  });

  it('carries parameters as far as the model takes them', () => {
    const params = { temperature: 1.7, topP: 0.5, maxOutputTokens: 9, stop: ['x', '\n'], seed: 1, frequencyPenalty: 1 };
    const old = bodyOf({ params });
    expect(old).toMatchObject({ temperature: 1, max_tokens: 9, stop_sequences: ['x'] });
    expect(Object.keys(old).toSorted()).toEqual([
      'max_tokens',
      'messages',
      'model',
      'stop_sequences',
      'stream',
      'temperature',
    ]);
    expect(bodyOf({ params: { topP: 0.5 } }).top_p).toBe(0.5);
    const current = bodyOf({ params, model: 'claude-opus-4-7' });
    expect([current.temperature, current.top_p]).toEqual([undefined, undefined]);
  });

  it.each([
    ['low', undefined, 1024, 9216],
    ['medium', undefined, 4096, 12_288],
    ['high', undefined, 16_384, 24_576],
    ['high', 10_000, 8000, 10_000],
    ['unknown', undefined, 4096, 12_288],
  ])('thinks with effort %s and bound %s for %i tokens', (reasoningEffort, maxOutputTokens, budget, maxTokens) => {
    const body = bodyOf({ params: { reasoningEffort, maxOutputTokens, temperature: 0.5, topP: 1 } });
    expect(body).toMatchObject({ thinking: { type: 'enabled', budget_tokens: budget }, max_tokens: maxTokens });
    expect([body.temperature, body.top_p]).toEqual([undefined, undefined]);
  });

  it('thinks adaptively where the model does', () => {
    const model = 'claude-opus-4-6';
    expect(bodyOf({ model, params: { reasoningEffort: 'minimal' } })).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'low' },
      max_tokens: 8192,
    });
    expect(bodyOf({ model, params: { reasoningEffort: 'none' } }).thinking).toEqual({ type: 'disabled' });
  });

  it('does not think where the provider would refuse it', () => {
    const params = { reasoningEffort: 'high' };
    const call = { role: 'assistant', text: '', toolCalls: [{ id: 'a', name: 'f', arguments: '{}' }] } as const;
    const result = { role: 'tool', call: 'a', name: 'f', output: 'x' } as const;
    expect(bodyOf({ params: { ...params, maxOutputTokens: 1000 } }).thinking).toBeUndefined();
    expect(bodyOf({ params: { ...params, toolChoice: 'required' } }).thinking).toBeUndefined();
    expect(bodyOf({ params: { reasoningEffort: 'none' } }).thinking).toBeUndefined();
    expect(bodyOf({ params, messages: [hi, call, result] }).thinking).toBeUndefined();
    expect(
      bodyOf({ params, messages: [hi, { role: 'assistant', text: 'a' }], continuesAnswer: true }).thinking,
    ).toBeUndefined();
    expect(
      bodyOf({ params, messages: [hi, call, result, { role: 'assistant', text: 'a' }, hi] }).thinking,
    ).toBeDefined();
  });

  it('asks for JSON', () => {
    const schema = { type: 'object' };
    expect(bodyOf({ params: { responseFormat: { type: 'json_schema', schema } } }).output_config).toEqual({
      format: { type: 'json_schema', schema },
    });
    const plain = bodyOf({
      params: { responseFormat: { type: 'json' } },
      messages: [{ role: 'system', text: 'S' }, hi],
    });
    expect(plain.system?.map((block) => block.text)).toEqual(['S', expect.stringContaining('JSON')]);
  });

  it('offers tools, and a choice only with them', () => {
    const tools = [{ name: 'f', description: 'd', parameters: { properties: { x: {} } } }, { name: 'g' }];
    expect(bodyOf({ tools, params: { toolChoice: { name: 'f' } } })).toMatchObject({
      tools: [
        { name: 'f', description: 'd', input_schema: { type: 'object', properties: { x: {} } } },
        { name: 'g', input_schema: { type: 'object' } },
      ],
      tool_choice: { type: 'tool', name: 'f' },
    });
    expect(bodyOf({ tools, params: { toolChoice: 'required' } }).tool_choice).toEqual({ type: 'any' });
    expect(bodyOf({ tools: [], params: { toolChoice: 'auto' } })).not.toHaveProperty('tool_choice');
  });

  it('goes on with a prefill without white space at its end', () => {
    const messages = [hi, { role: 'assistant', text: 'Hel \n' }] as const;
    expect(bodyOf({ messages, continuesAnswer: true }).messages.at(-1)?.content).toEqual([
      { type: 'text', text: 'Hel' },
    ]);
    expect(bodyOf({ messages }).messages.at(-1)?.content).toEqual([{ type: 'text', text: 'Hel \n' }]);
  });

  it('marks system, tools and the last input for the cache', () => {
    const cache_control = { type: 'ephemeral' };
    const body = bodyOf(
      {
        tools: [{ name: 'f' }, { name: 'g' }],
        messages: [{ role: 'system', text: 'S' }, hi, { role: 'assistant', text: 'A' }, { role: 'user', content: 'B' }],
      },
      true,
    );
    expect(body.system).toEqual([{ type: 'text', text: 'S', cache_control }]);
    expect(body.tools?.map((tool) => tool.cache_control)).toEqual([undefined, cache_control]);
    expect(body.messages.at(-1)?.content).toEqual([{ type: 'text', text: 'B', cache_control }]);
    expect(body.messages[0]?.content).toEqual([{ type: 'text', text: 'Hi' }]);
  });
});
