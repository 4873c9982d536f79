import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { events, readWire, type WireName } from './support/wires.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const index = fc.nat(3);
const json = fc.constantFrom('{"x":', '1}', '{}', '', '[', '"é🙂"');
const odd = fc.constantFrom<unknown>(null, {}, [], 0, 'x', { type: 'something_new' }, { type: null, error: null });

const anthropic = fc.oneof(
  fc.record({ index, text }).map((at) => ({
    type: 'content_block_delta',
    index: at.index,
    delta: { type: 'text_delta', text: at.text },
  })),
  fc.record({ index, text }).map((at) => ({
    type: 'content_block_delta',
    index: at.index,
    delta: { type: 'thinking_delta', thinking: at.text },
  })),
  fc.record({ index, json }).map((at) => ({
    type: 'content_block_delta',
    index: at.index,
    delta: { type: 'input_json_delta', partial_json: at.json },
  })),
  index.map((at) => ({
    type: 'content_block_start',
    index: at,
    content_block: { type: 'tool_use', id: `t${at}`, name: 'f', input: {} },
  })),
  index.map((at) => ({ type: 'content_block_start', index: at, content_block: { type: 'thinking', signature: 's' } })),
  index.map((at) => ({ type: 'content_block_stop', index: at })),
);

const responses = fc.oneof(
  fc.record({ index, text }).map((at) => ({
    type: 'response.output_text.delta',
    output_index: at.index,
    delta: at.text,
  })),
  fc.record({ index, text }).map((at) => ({
    type: 'response.reasoning_summary_text.delta',
    output_index: at.index,
    delta: at.text,
  })),
  fc.record({ index, json }).map((at) => ({
    type: 'response.function_call_arguments.delta',
    output_index: at.index,
    delta: at.json,
  })),
  index.map((at) => ({
    type: 'response.output_item.added',
    output_index: at,
    item: { type: 'function_call', id: `fc${at}`, call_id: `c${at}`, name: 'f', arguments: '' },
  })),
  fc.record({ index, text }).map((at) => ({
    type: 'response.output_item.done',
    output_index: at.index,
    item: { type: 'message', content: [{ type: 'output_text', text: at.text }] },
  })),
);

const parts = (...list: unknown[]) => ({ candidates: [{ content: { parts: list } }] });
const gemini = fc.oneof(
  text.map((value) => parts({ text: value })),
  text.map((value) => parts({ text: value, thought: true })),
  text.map((value) => parts({ functionCall: { name: 'f', args: { value } } })),
  text.map((value) =>
    parts(
      { functionCall: { name: 'f', willContinue: true } },
      {
        functionCall: {
          partialArgs: [{ jsonPath: '$.x', stringValue: value, willContinue: true }],
          willContinue: true,
        },
      },
    ),
  ),
  fc.constant(parts({ functionCall: {} })),
);

const wires: [WireName, fc.Arbitrary<unknown>, unknown[]][] = [
  [
    'anthropic',
    anthropic,
    [
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
      { type: 'message_stop' },
    ],
  ],
  ['openai-responses', responses, [{ type: 'response.completed', response: { usage: { output_tokens: 3 } } }]],
  ['gemini', gemini, [{ candidates: [{ finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 3 } }]],
];

describe('any chunking of any stream', () => {
  it.each(wires)('of %s gives the same calls and one end', (wire, event, end) => {
    const body = fc.record({
      list: fc.array(fc.oneof({ weight: 8, arbitrary: event }, { weight: 1, arbitrary: odd }), { maxLength: 14 }),
      eol: fc.constantFrom('\n', '\r\n', '\r'),
      isNamed: fc.boolean(),
      cutBytes: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(120) }),
    });
    fc.assert(
      fc.property(body, fc.array(fc.nat({ max: 3000 }), { maxLength: 40 }), (shape, offsets) => {
        const whole = Buffer.from(events([...shape.list, ...end], shape.isNamed).replaceAll('\n', shape.eol));
        const bytes = whole.subarray(0, Math.max(whole.length - shape.cutBytes, 0));
        const pieces: Buffer[] = [];
        let start = 0;
        for (const offset of [...offsets.toSorted((a, b) => a - b), bytes.length]) {
          pieces.push(bytes.subarray(start, Math.max(start, offset)));
          start = Math.max(start, offset);
        }
        const inOne = readWire(wire, [bytes]);
        expect(readWire(wire, pieces).calls).toEqual(inOne.calls);
        expect(inOne.kinds.filter((kind) => kind === 'end' || kind === 'error')).toHaveLength(1);
        for (const call of inOne.toolCalls) expect(() => JSON.parse(call.arguments) as unknown).not.toThrow();
      }),
      { numRuns: 400 },
    );
  });
});
