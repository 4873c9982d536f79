import { describe, expect, it } from 'vitest';
import type { UpstreamRequest } from '../../../src/upstream/contract.ts';
import { createRequestBody } from '../../../src/upstream/gemini/request-body.ts';

const hi = { role: 'user', content: 'Hi' } as const;

function bodyOf(request: Partial<UpstreamRequest>) {
  return createRequestBody({ turn: 't', model: 'gemini-2.5-flash', messages: [hi], params: {}, ...request });
}

describe('a Gemini body', () => {
  it('is minimal by default', () => {
    expect(bodyOf({})).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] });
  });

  const toolCalls = [
    { id: 'a', name: 'f', arguments: '{"x":1}' },
    { id: 'b', name: 'g', arguments: '"y"' },
  ];
  const results = [
    { role: 'tool', call: 'a', name: 'f', output: '{"one":1}' },
    { role: 'tool', call: 'b', name: 'g', output: 'two' },
  ] as const;

  it('carries a loop of tool calls with its signatures and ids', () => {
    const value = { signature: 'text', calls: [{ call: 'a', id: 'own', signature: 'sig' }, { call: 7 }] };
    const body = bodyOf({
      model: 'gemini-3-pro',
      messages: [
        { role: 'system', text: 'Be kind.' },
        hi,
        { role: 'assistant', text: 'Look.', toolCalls, native: { wire: 'gemini', value } },
        ...results,
        hi,
      ],
    });
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'Be kind.' }] });
    expect(body.contents.slice(1)).toEqual([
      {
        role: 'model',
        parts: [
          { text: 'Look.' },
          { text: '', thoughtSignature: 'text' },
          { functionCall: { name: 'f', args: { x: 1 }, id: 'own' }, thoughtSignature: 'sig' },
          { functionCall: { name: 'g', args: { input: 'y' } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'f', response: { one: 1 }, id: 'own' } },
          { functionResponse: { name: 'g', response: { output: 'two' } } },
          { text: 'Hi' },
        ],
      },
    ]);
  });

  it('says of calls of other models that they are not signed, where signatures are demanded', () => {
    const messages = [
      hi,
      { role: 'assistant', text: '', toolCalls, native: { wire: 'other', value: 1 } } as const,
      ...results,
    ];
    const signatures = (model: string) =>
      JSON.stringify(bodyOf({ model, messages })).split('thoughtSignature').length - 1;
    expect([signatures('gemini-2.5-flash'), signatures('models/gemini-3-flash')]).toEqual([0, 1]);
  });

  it('carries media as data', () => {
    const content = [
      { type: 'image', mediaType: 'image/png', data: 'AA==' },
      { type: 'audio', mediaType: 'audio/wav', data: 'AA==' },
      { type: 'file', mediaType: 'application/pdf', data: 'AA==', name: 'x' },
    ] as const;
    expect(bodyOf({ messages: [{ role: 'user', content }] }).contents[0]?.parts).toEqual(
      content.map(({ mediaType, data }) => ({ inlineData: { mimeType: mediaType, data } })),
    );
    const address = { type: 'image', url: 'https://a.example/b.png' } as const;
    expect(() => bodyOf({ messages: [{ role: 'user', content: [address] }] })).toThrow(
      expect.objectContaining({ code: 'input_unsupported' }),
    );
  });

  it('carries the parameters', () => {
    const schema = { type: 'object' };
    const params = {
      temperature: 2,
      topP: 0.5,
      maxOutputTokens: 9,
      stop: ['1', '2', '3', '4', '5', '6'],
      seed: 0,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      responseFormat: { type: 'json_schema', schema } as const,
    };
    expect(bodyOf({ params }).generationConfig).toEqual({
      temperature: 2,
      topP: 0.5,
      maxOutputTokens: 9,
      stopSequences: ['1', '2', '3', '4', '5'],
      seed: 0,
      frequencyPenalty: 0.1,
      presencePenalty: 0.2,
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
    expect(bodyOf({ params: { responseFormat: { type: 'json' } } }).generationConfig).toEqual({
      responseMimeType: 'application/json',
    });
  });

  it.each([
    ['gemini-2.5-pro', 'low', { includeThoughts: true, thinkingBudget: 1024 }],
    ['gemini-2.5-pro', 'none', { includeThoughts: false, thinkingBudget: 0 }],
    ['gemini-2.5-pro', 'new', { includeThoughts: true, thinkingBudget: -1 }],
    ['gemini-3-pro-preview', 'high', { includeThoughts: true, thinkingLevel: 'HIGH' }],
    ['models/gemini-3.1-flash', 'none', { includeThoughts: false, thinkingLevel: 'MINIMAL' }],
    ['gemini-10-pro', 'new', { includeThoughts: true }],
  ])('tells %s to think with effort %s', (model, reasoningEffort, expected) => {
    expect(bodyOf({ model, params: { reasoningEffort } }).generationConfig?.thinkingConfig).toEqual(expected);
  });

  it('offers tools, and a choice only with them', () => {
    const tools = [{ name: 'f', description: 'd', parameters: { type: 'object' } }, { name: 'g' }];
    const body = bodyOf({ tools, params: { toolChoice: { name: 'f' } } });
    expect(body.tools).toEqual([
      {
        functionDeclarations: [
          { name: 'f', description: 'd', parametersJsonSchema: { type: 'object' } },
          { name: 'g' },
        ],
      },
    ]);
    expect(body.toolConfig).toEqual({ functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } });
    const modes = (['auto', 'none', 'required'] as const).map(
      (toolChoice) => bodyOf({ tools, params: { toolChoice } }).toolConfig?.functionCallingConfig.mode,
    );
    expect(modes).toEqual(['AUTO', 'NONE', 'ANY']);
    expect(bodyOf({ params: { toolChoice: 'auto' } })).not.toHaveProperty('toolConfig');
  });
});
