import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { LogEvent } from '../../../src/session/log-event.ts';
import { batchesJson, eventsJson, textJson } from '../../../src/store/events-json.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('"', '\\', '\n', '\u0000', '\u001f', ' ', '\u007f', '\u2028', '\uffff', '\ud800', '\udfff', '😀'),
);
const count = fc.nat();
const event = fc.oneof(
  fc.record({ t: fc.constant('delta'), turn: text, text, tokens: count, pos: count }),
  fc.record({
    t: fc.constant('delta'),
    turn: text,
    kind: fc.constant('reasoning'),
    text,
    tokens: count,
    pos: count,
  }),
  fc.record({ t: fc.constant('turn.started'), turn: text, pos: count }),
) as fc.Arbitrary<LogEvent>;

describe('the JSON of events', () => {
  it('is what JSON.stringify gives', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), (events) => {
        expect(eventsJson(events)).toBe(JSON.stringify(events));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is, in batches, what JSON.stringify gives', () => {
    const batch = fc.record({ tenant: text, session: text, events: fc.array(event, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 4 }), (batches) => {
        expect(batchesJson(batches)).toBe(JSON.stringify(batches));
      }),
    );
  });

  test('of a text too, whatever is in it', () => {
    fc.assert(
      fc.property(text, (one) => {
        expect(textJson(one)).toBe(JSON.stringify(one));
      }),
      { numRuns: 2_000 },
    );
  });
});
