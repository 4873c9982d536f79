import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endOf, type LogEvent, mergeEvents } from '../../../src/session/log-event.ts';
import { SessionLog, splitsPair } from '../../../src/session/session-log.ts';

const usage = { input: 0, output: 0, reasoning: 0, cached: 0, source: 'counted' } as const;
const ended = { t: 'turn.ended', turn: 'a', status: 'completed', usage, timing: { queuedMs: 0, totalMs: 0 } } as const;

/** The text by position, as any reader of these events assembles it. */
function assemble(events: readonly LogEvent[]): Map<number, string> {
  const units = new Map<number, string>();
  for (const event of events) {
    if (event.t === 'delta')
      for (let i = 0; i < event.text.length; i++)
        units.set(event.pos + i, `${event.turn}${event.kind ?? ''}${event.text[i]}`);
    else units.set(event.pos, `${event.turn}:${event.t}`);
  }
  return units;
}

const pieces = fc.array(
  fc.record({
    turn: fc.constantFrom('a', 'b'),
    kind: fc.constantFrom('reasoning' as const, undefined),
    text: fc.string({ minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('a session log', () => {
  test('joins a delta to the last event as long as the store was not given that', () => {
    const joins = fc.array(fc.record({ piece: pieces.map((some) => some[0]!), isSealed: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(joins, (steps) => {
        const log = new SessionLog(0);
        const apart = new SessionLog(0);
        const given: LogEvent[] = [];
        const copies: string[] = [];
        for (const [i, { piece, isSealed }] of steps.entries()) {
          const { turn, kind, text } = piece;
          apart.append({ t: 'delta', turn, kind, text, tokens: i });
          if (!log.extend(turn, kind, text, i)) given.push(log.append({ t: 'delta', turn, kind, text, tokens: i }));
          if (!isSealed) continue;
          log.seal();
          copies.splice(0, copies.length, ...given.map((event) => JSON.stringify(event)));
        }
        expect(log.head).toBe(apart.head);
        // what the store was given stays as it was
        expect(given.slice(0, copies.length).map((event) => JSON.stringify(event))).toEqual(copies);
        const shown = log.acknowledge(log.head);
        expect(assemble(shown)).toEqual(assemble(apart.acknowledge(apart.head)));
        expect(shown.at(-1)).toMatchObject({ tokens: steps.length - 1 });
      }),
    );
  });

  test('shows events strictly in order, and only durable ones', () => {
    const log = new SessionLog(10);
    log.append({ t: 'delta', turn: 'a', text: 'abc', tokens: 1 });
    const held = log.appendHeld({ ...ended });
    log.append({ t: 'delta', turn: 'b', text: 'd', tokens: 1 });
    expect([held.pos, log.head, log.durable]).toEqual([13, 15, 10]);
    expect(log.acknowledge(13).map((event) => event.pos)).toEqual([10]);
    expect(log.acknowledge(15)).toEqual([]);
    expect(log.confirm(held).map((event) => event.pos)).toEqual([13, 14]);
    expect(log.durable).toBe(15);
  });

  test('reads from every position what was appended, whatever was merged', () => {
    fc.assert(
      fc.property(pieces, fc.nat(50), (parts, start) => {
        const log = new SessionLog(start);
        const all = parts.map((part) => structuredClone(log.append({ t: 'delta', ...part, tokens: 1 })));
        log.acknowledge(log.head);
        const truth = assemble(all);
        for (let from = start; from < log.head; from++) {
          const seen: LogEvent[] = [];
          for (let cursor = from; cursor < log.head; ) {
            for (const event of log.read(cursor, 5)) {
              expect(event.pos).toBe(cursor);
              seen.push(event);
              cursor = endOf(event);
            }
          }
          const expected = [...truth].filter(([position]) => position >= from);
          expect([...assemble(seen)]).toEqual(expected);
        }
        const middle = start + Math.floor((log.head - start) / 2);
        log.trim(middle);
        expect(log.start).toBeLessThanOrEqual(middle);
      }),
    );
  });

  test('merging events changes nothing a reader sees', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const log = new SessionLog(0);
        const all = parts.map((part) => log.append({ t: 'delta', ...part, tokens: 1 }));
        const before = structuredClone(all);
        const merged = mergeEvents(all);
        expect([...assemble(merged)]).toEqual([...assemble(before)]);
        expect(all).toEqual(before);
        expect(merged.length).toBeLessThanOrEqual(all.length);
      }),
    );
  });

  test('knows the positions inside a surrogate pair', () => {
    const event: LogEvent = { t: 'delta', pos: 5, turn: 'a', text: 'a😀b', tokens: 1 };
    expect([5, 6, 7, 8, 9].map((position) => splitsPair(event, position))).toEqual([false, false, true, false, false]);
  });
});
