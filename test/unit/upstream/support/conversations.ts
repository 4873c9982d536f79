import fc from 'fast-check';
import type {
  NativeAnswer,
  ToolDefinition,
  UpstreamMessage,
  UpstreamPart,
  UpstreamRequest,
} from '../../../../src/upstream/contract.ts';

const words = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('', ' ', 'Hello', '\n'));
const json = fc.constantFrom('{}', '{"x":1}', '"text"', '[1]', '{"a":{"b":null}}');
const callIdText = fc.constantFrom('call', 'functions.get:0', 'toolu_é');
const data = Buffer.from('bytes').toString('base64');

/** Media types that every wire with a place for them takes. */
const commonPart: fc.Arbitrary<UpstreamPart> = fc.oneof(
  words.map((text) => ({ type: 'text', text }) as const),
  fc.constantFrom('image/png', 'image/jpeg').map((mediaType) => ({ type: 'image', mediaType, data }) as const),
  fc
    .constantFrom(undefined, 'a b.pdf')
    .map((name) => ({ type: 'file', mediaType: 'application/pdf', data, name }) as const),
);
const imageUrl: UpstreamPart = { type: 'image', url: 'https://pictures.example/a.png' };

/** Parts of every wire, and what storage may have made of them. */
const native: fc.Arbitrary<NativeAnswer | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record({
    wire: fc.constantFrom('anthropic', 'openai-responses', 'gemini', 'other'),
    value: fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        {
          blocks: [
            { type: 'thinking', thinking: 'Hm', signature: 'sig' },
            { type: 'redacted_thinking', data: 'x' },
            { type: 'thinking', thinking: 7 },
            null,
          ],
        },
        {
          model: 'gpt-5.1',
          items: [
            { type: 'reasoning', id: 'rs', summary: ['Hm', 1], encrypted_content: 'e' },
            { type: 'message', length: 5, phase: 'final_answer' },
            { type: 'reasoning', id: 'rs2', summary: [], encrypted_content: 'e' },
            { type: 'function_call', call_id: 'call_0_0' },
            { type: 'function_call' },
          ],
        },
        { signature: 'sig', calls: [{ call: 'call_0_0', id: 'own', signature: 'sig' }, { call: 4 }, 'x'] },
      ),
    ),
  }),
);

const step = fc.record({
  text: words,
  native,
  calls: fc.array(fc.tuple(callIdText, json), { minLength: 1, maxLength: 3 }),
  output: words,
});
const exchange = fc.record({
  inputs: fc.array(fc.oneof(words, fc.array(commonPart, { maxLength: 3 }), fc.constant([imageUrl])), {
    minLength: 1,
    maxLength: 2,
  }),
  steps: fc.array(step, { maxLength: 2 }),
  answer: words,
  native,
});

const tool: fc.Arbitrary<ToolDefinition> = fc.record({
  name: fc.constantFrom('f', 'g'),
  description: fc.constantFrom(undefined, '', 'Does it.'),
  parameters: fc.constantFrom(undefined, { type: 'object', properties: { x: { type: 'number' } } }),
});
const schema = { type: 'object', properties: { x: { type: 'string' } }, required: ['x'], additionalProperties: false };

const params: fc.Arbitrary<UpstreamRequest['params']> = fc.record(
  {
    temperature: fc.constantFrom(0, 0.7, 1, 2),
    topP: fc.constantFrom(0, 0.5, 1),
    maxOutputTokens: fc.constantFrom(1, 500, 2000, 64_000),
    stop: fc.array(fc.constantFrom('x', ' ', 'END'), { maxLength: 7 }),
    seed: fc.nat(),
    frequencyPenalty: fc.constant(0.1),
    presencePenalty: fc.constant(0.1),
    reasoningEffort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high'),
    responseFormat: fc.constantFrom(
      { type: 'text' } as const,
      { type: 'json' } as const,
      { type: 'json_schema', name: 'a name', schema } as const,
      { type: 'json_schema', schema: { type: 'object', properties: { x: {} } } } as const,
    ),
    toolChoice: fc.constantFrom('auto' as const, 'none' as const, 'required' as const, { name: 'f' }),
  },
  { requiredKeys: [] },
);

/** Requests as a long conversation makes them, with tools and media; image addresses only where `takesUrls`. */
export function conversations(models: readonly string[], takesUrls: boolean): fc.Arbitrary<UpstreamRequest> {
  return fc
    .record({
      model: fc.constantFrom(...models),
      system: fc.option(words, { nil: undefined }),
      exchanges: fc.array(exchange, { maxLength: 3 }),
      params,
      tools: fc.oneof(fc.constant(undefined), fc.uniqueArray(tool, { selector: (each) => each.name, maxLength: 2 })),
      cacheKey: fc.constantFrom(undefined, 'key'),
      isInLoop: fc.boolean(),
    })
    .map(({ model, system, exchanges, params: given, tools, cacheKey, isInLoop }) => {
      const messages: UpstreamMessage[] = system === undefined ? [] : [{ role: 'system', text: system }];
      messages.push({ role: 'user', content: 'Begin.' });
      for (const [at, each] of exchanges.entries()) {
        for (const input of each.inputs) {
          messages.push({
            role: 'user',
            content: typeof input === 'string' ? input : input.filter((part) => takesUrls || !('url' in part)),
          });
        }
        for (const [stepAt, { text, native: own, calls, output }] of each.steps.entries()) {
          const made = calls.map(([id, args], callAt) => ({
            id: `${id}_${at * 10 + stepAt}_${callAt}`,
            name: callAt % 2 === 0 ? 'f' : 'g',
            arguments: args,
          }));
          messages.push({ role: 'assistant', text, toolCalls: made, native: own });
          for (const { id, name } of made) messages.push({ role: 'tool', call: id, name, output });
        }
        const isLast = at === exchanges.length - 1;
        if (!(isLast && isInLoop && each.steps.length > 0)) {
          messages.push(
            { role: 'assistant', text: each.answer, native: each.native },
            { role: 'user', content: 'Go on.' },
          );
        }
      }
      return { turn: 't', model, messages, params: given, tools, cacheKey };
    });
}
