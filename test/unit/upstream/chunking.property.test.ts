import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunk, eventStream, readChat } from './support/read-chat.ts';

const delta = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((content) => chunk({ content })),
  fc.string({ unit: 'grapheme' }).map((text) => chunk({ reasoning_content: text })),
  fc.constant(chunk({})),
  fc.record({ index: fc.nat(2), text: fc.json() }).map(({ index, text }) =>
    // Every call is opened again with its own id, so that arguments are whole JSON texts.
    chunk({ tool_calls: [{ index, id: `call_${text.length}_${index}`, function: { name: 'f', arguments: text } }] }),
  ),
);

const body = fc.record({
  deltas: fc.array(delta, { maxLength: 12 }),
  eol: fc.constantFrom('\n', '\r\n', '\r'),
  end: fc.constantFrom('data: [DONE]\n\n', '', 'data: [DONE]'),
  finish: fc.constantFrom('stop', 'tool_calls', 'length', null),
  cutBytes: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(80) }),
});

describe('any chunking of any stream', () => {
  it('gives the same calls', () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat({ max: 2000 }), { maxLength: 40 }), (shape, offsets) => {
        const text = eventStream([...shape.deltas, chunk({}, shape.finish)], shape.end).replaceAll('\n', shape.eol);
        const whole = Buffer.from(text);
        const bytes = whole.subarray(0, Math.max(whole.length - shape.cutBytes, 0));
        const parts: Buffer[] = [];
        let start = 0;
        for (const offset of [...offsets.toSorted((a, b) => a - b), bytes.length]) {
          parts.push(bytes.subarray(start, Math.max(start, offset)));
          start = Math.max(start, offset);
        }
        const inOne = readChat([bytes]);
        const inParts = readChat(parts);
        expect(inParts.calls).toEqual(inOne.calls);
        expect(inOne.kinds.filter((kind) => kind === 'end' || kind === 'error')).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});
