import { describe, expect, it } from 'vitest';
import type { UpstreamRequest } from '../../../src/upstream/contract.ts';
import { createRequestBody } from '../../../src/upstream/openai-responses/request-body.ts';

const hi = { role: 'user', content: 'Hi' } as const;

function bodyOf(request: Partial<UpstreamRequest>, reasoningSummary?: 'auto') {
  const whole = { turn: 't', model: 'gpt-5.1', messages: [hi], params: {}, ...request };
  return createRequestBody(whole, { store: false, reasoningSummary, isReasoning: undefined });
}

describe('a Responses body', () => {
  it('is minimal by default, and lets the provider keep nothing', () => {
    expect(bodyOf({ model: 'gpt-4.1' })).toEqual({
      model: 'gpt-4.1',
      input: [{ role: 'user', content: 'Hi' }],
      stream: true,
      store: false,
    });
    expect(bodyOf({}).include).toEqual(['reasoning.encrypted_content']);
    expect(bodyOf({ model: 'gpt-5-chat-latest' }).include).toBeUndefined();
  });

  const answer = {
    role: 'assistant',
    text: 'Wait. Two.',
    toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }],
    native: {
      wire: 'openai-responses',
      value: {
        model: 'gpt-5.1',
        items: [
          { type: 'reasoning', id: 'rs', summary: ['Hm'], encrypted_content: 'e' },
          { type: 'message', length: 6, phase: 'commentary' },
          { type: 'function_call', call_id: 'c' },
          { type: 'message', length: 4, phase: 'final_answer' },
          { type: 'reasoning', id: 'unfinished', summary: [], encrypted_content: 'e' },
        ],
      },
    },
  } as const;
  const reasoning = {
    type: 'reasoning',
    id: 'rs',
    summary: [{ type: 'summary_text', text: 'Hm' }],
    encrypted_content: 'e',
  };
  const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
  const result = { role: 'tool', call: 'c', name: 'f', output: '2' } as const;
  const output = { type: 'function_call_output', call_id: 'c', output: '2' };

  it('gives reasoning back in its place', () => {
    expect(bodyOf({ messages: [hi, answer, result] }).input.slice(1)).toEqual([
      reasoning,
      { role: 'assistant', content: 'Wait. ', phase: 'commentary' },
      call,
      { role: 'assistant', content: 'Two.', phase: 'final_answer' },
      output,
    ]);
  });

  it('gives no reasoning to another model, and none that leads nowhere', () => {
    expect(bodyOf({ model: 'gpt-5.2', messages: [hi, answer, result] }).input[1]).toMatchObject({ role: 'assistant' });
    const calls = { ...answer, text: '', toolCalls: [] };
    expect(bodyOf({ messages: [hi, calls] }).input).toEqual([hi]);
  });

  it('keeps a text that was changed since in one', () => {
    expect(bodyOf({ messages: [hi, { ...answer, text: 'Changed' }, result] }).input.slice(1)).toEqual([
      reasoning,
      call,
      { role: 'assistant', content: 'Changed', phase: 'final_answer' },
      output,
    ]);
  });

  it('carries media, and refuses what has no place', () => {
    const content = [
      { type: 'text', text: 'See' },
      { type: 'image', mediaType: 'image/png', data: 'AA==' },
      { type: 'image', url: 'https://a.example/b.png' },
      { type: 'file', mediaType: 'application/pdf', data: 'AA==' },
    ] as const;
    expect(bodyOf({ messages: [{ role: 'user', content }] }).input[0]).toEqual({
      role: 'user',
      content: [
        { type: 'input_text', text: 'See' },
        { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' },
        { type: 'input_image', image_url: 'https://a.example/b.png', detail: 'auto' },
        { type: 'input_file', filename: 'file.pdf', file_data: 'data:application/pdf;base64,AA==' },
      ],
    });
    const audio = { type: 'audio', mediaType: 'audio/wav', data: 'AA==' } as const;
    expect(() => bodyOf({ messages: [{ role: 'user', content: [audio] }] })).toThrow(
      expect.objectContaining({ code: 'input_unsupported' }),
    );
  });

  it('carries parameters as far as the model takes them', () => {
    const params = { temperature: 0.5, topP: 0.4, maxOutputTokens: 3, reasoningEffort: 'low', stop: ['x'], seed: 1 };
    expect(bodyOf({ params, cacheKey: 'k' }, 'auto')).toMatchObject({
      max_output_tokens: 16,
      reasoning: { effort: 'low', summary: 'auto' },
      prompt_cache_key: 'k',
    });
    expect(bodyOf({ params })).not.toHaveProperty('temperature');
    expect(bodyOf({ params })).not.toHaveProperty('stop');
    expect(bodyOf({ params: { ...params, reasoningEffort: 'none' } }, 'auto')).toMatchObject({
      temperature: 0.5,
      top_p: 0.4,
      reasoning: { effort: 'none' },
    });
  });

  it('asks for a format, strictly where the schema allows it', () => {
    const format = (responseFormat: UpstreamRequest['params']['responseFormat']) =>
      bodyOf({ params: { responseFormat } }).text;
    const strict = {
      type: 'object',
      properties: { x: { type: 'string' } },
      required: ['x'],
      additionalProperties: false,
    };
    expect(format({ type: 'text' })).toBeUndefined();
    expect(format({ type: 'json' })).toEqual({ format: { type: 'json_object' } });
    expect(format({ type: 'json_schema', name: 'my answer', schema: strict })).toEqual({
      format: { type: 'json_schema', name: 'my_answer', schema: strict, strict: true },
    });
    for (const schema of [
      {},
      { ...strict, required: [] },
      { ...strict, additionalProperties: true },
      { ...strict, oneOf: [] },
    ]) {
      expect(format({ type: 'json_schema', schema })).toEqual({
        format: { type: 'json_schema', name: 'answer', schema },
      });
    }
  });

  it('offers tools, and a choice only with them', () => {
    expect(bodyOf({ tools: [{ name: 'f' }], params: { toolChoice: { name: 'f' } } })).toMatchObject({
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }],
      tool_choice: { type: 'function', name: 'f' },
    });
    expect(bodyOf({ params: { toolChoice: 'auto' } })).not.toHaveProperty('tool_choice');
  });
});
