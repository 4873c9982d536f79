import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerMessages } from '../../../src/context/turn-messages.ts';
import { finishedTurnOf } from '../../../src/session/finished-turn.ts';
import { endOfAll, type LogEvent, mergeEvents, type UnplacedEvent } from '../../../src/session/log-event.ts';
import { standing } from '../../../src/session/standing.ts';
import { createTokenCounter } from '../../../src/tokens/token-counter.ts';
import { continuationOf } from '../../../src/turn/continuation.ts';
import { TurnOutput } from '../../../src/turn/turn-output.ts';

const turn = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const usage = { input: 1, output: 2, reasoning: 0, cached: 0, source: 'counted' as const };

/** A turn’s events, placed one behind the other. */
function place(...events: UnplacedEvent[]): LogEvent[] {
  const placed: LogEvent[] = [];
  for (const event of events) placed.push({ ...event, pos: endOfAll(placed) } as LogEvent);
  return placed;
}

const accepted = { t: 'turn.accepted', turn, input: 'hi', at: 1 } as const;
const said = (text: string, kind?: 'reasoning') =>
  ({ t: 'delta', turn, text, tokens: 1, ...(kind === undefined ? {} : { kind }) }) as const;
const restarted = (from: number) => ({ t: 'turn.restarted', turn, from, reason: 'upstream_timeout' }) as const;
const called = (call: string) => ({ t: 'tool.call', turn, call, name: 'look', arguments: '{}' }) as const;
const answered = (call: string) => ({ t: 'tool.result', turn, call, output: 1 }) as const;
const ended: UnplacedEvent = {
  t: 'turn.ended',
  turn,
  status: 'completed',
  usage,
  timing: { queuedMs: 0, totalMs: 1 },
  sources: [{ url: 'https://example.com/' }],
};

function outputOf(events: readonly LogEvent[]): { output: TurnOutput; rounds: number } {
  const output = new TurnOutput({
    createCounter: () => createTokenCounter('o200k_base'),
    emit: () => {},
    atLimit: () => 'cut',
    onCut: () => {},
  });
  return { output, rounds: output.replay(events) };
}

test('what was said, thought, called and answered before a restart is dropped, what came before its place stays', () => {
  const events = place(
    accepted,
    said('Let me look. '),
    called('a'),
    answered('a'),
    said('hm', 'reasoning'),
    said('It rai'),
    called('b'),
    restarted(16),
    answered('b'),
    said('It snows.'),
    ended,
  );
  expect(finishedTurnOf({ turn, fingerprint: '', events, inputTokens: 0, outputTokens: 0 })).toMatchObject({
    text: 'Let me look. It snows.',
    reasoning: undefined,
    tools: [{ call: 'a', output: 1 }],
    sources: [{ url: 'https://example.com/' }],
  });
  expect(answerMessages(events)).toEqual([
    { role: 'assistant', text: 'Let me look. ', toolCalls: [{ id: 'a', name: 'look', arguments: '{}' }] },
    { role: 'tool', call: 'a', name: 'look', output: '1' },
    { role: 'assistant', text: 'It snows.' },
  ]);
});

test('a later restart may go further back than the one before it', () => {
  const events = place(accepted, said('one '), said('two '), restarted(5), said('three '), restarted(1), said('four'));
  expect(answerMessages(events)).toEqual([{ role: 'assistant', text: 'four' }]);
});

test('a turn goes on as what stands of it says', () => {
  expect(continuationOf(place(accepted, said('hm', 'reasoning'), restarted(1)), false)).toEqual({ kind: 'again' });
  expect(continuationOf(place(accepted, called('a'), restarted(1)), false)).toEqual({ kind: 'again' });
  expect(continuationOf(place(accepted, called('a'), restarted(1), said('x'), answered('a')), false)).toBeUndefined();
  expect(continuationOf(place(accepted, said('x'), restarted(1), called('b')), false)).toEqual({
    kind: 'tools',
    open: ['b'],
  });
});

test('tokens of what was dropped were paid for, but are not those of the text', () => {
  const { output, rounds } = outputOf(
    place(accepted, said('one two three'), called('a'), answered('a'), said('four'), restarted(1), said('five six')),
  );
  const fresh = outputOf(place(accepted, said('five six'))).output;
  expect(rounds).toBe(3);
  expect(output.textTokens).toBe(fresh.textTokens);
  expect(output.tokens).toBeGreaterThan(fresh.tokens + 4);
  const kept = outputOf(
    place(accepted, said('one two three'), called('a'), answered('a'), said('four'), restarted(16), said('five six')),
  ).output;
  expect(kept.textTokens).toBe(3 + fresh.textTokens);
  expect(kept.tokens).toBe(output.tokens);
});

test('a running answer that begins anew keeps counting, and hands on nothing that was on its way', async () => {
  const pieces: string[] = [];
  const output = new TurnOutput({
    createCounter: () => createTokenCounter('o200k_base'),
    emit: (_kind, text) => void pieces.push(text),
    atLimit: () => 'cut',
    onCut: () => {},
  });
  output.beginRound();
  output.push('text', 'void \ud83d');
  output.push('text', 'x'.repeat(20_000));
  const before = output.tokens;
  output.restart();
  expect(output.textTokens).toBe(0);
  // what had not been handed on yet is paid for, too
  expect(output.tokens).toBeGreaterThan(before + 1_000);
  output.push('text', 'y'.repeat(20_000));
  await new Promise<void>((resolve) => output.finish(resolve));
  expect(pieces.join('')).toBe(`void ${'y'.repeat(20_000)}`);
});

test('whatever was merged and wherever it begins anew, what stands is what was said behind the last restart before it', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ say: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }) }) },
    { weight: 1, arbitrary: fc.record({ restart: fc.nat(40) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const events = place(accepted);
      let truth: { pos: number; unit: string }[] = [];
      for (const one of steps) {
        const pos = endOfAll(events);
        if ('say' in one) {
          events.push({ ...said(one.say), pos });
          for (let i = 0; i < one.say.length; i++) truth.push({ pos: pos + i, unit: one.say[i]! });
        } else {
          const from = Math.min(1 + one.restart, pos);
          events.push({ ...restarted(from), pos });
          truth = truth.filter((unit) => unit.pos < from);
        }
      }
      for (const log of [events, mergeEvents(events)]) {
        const text = standing(log).map((event) => (event.t === 'delta' ? event.text : ''));
        expect(text.join('')).toBe(truth.map(({ unit }) => unit).join(''));
        expect(standing(standing(log))).toEqual(standing(log));
      }
    }),
  );
});
