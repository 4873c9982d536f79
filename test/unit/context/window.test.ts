import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContextTail } from '../../../src/context/context-tail.ts';
import { answerMessages } from '../../../src/context/turn-messages.ts';
import { buildWindow, type WindowTurn } from '../../../src/context/window.ts';
import type { LogEvent } from '../../../src/session/log-event.ts';
import type { TurnEntry } from '../../../src/store/contract.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const input = { role: 'user', content: 'now' } as const;

function windowOf(turns: readonly WindowTurn[], maxTokens: number, policy: 'sliding' | 'none' = 'sliding') {
  return buildWindow({
    policy,
    maxTokens,
    system: 'S',
    systemTokens: 2,
    toolTokens: 0,
    input,
    inputTokens: 5,
    turns,
    totalTurns: turns.length,
  });
}

describe('a window', () => {
  test('holds system text, the newest whole turns that fit, and the input, within its budget', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 14, max: 400 }), (tokens, maxTokens) => {
        const turns = tokens.map((count, i) => ({
          tokens: count,
          messages: [
            { role: 'user', content: `q${i}` },
            { role: 'assistant', text: `a${i}` },
          ] as const,
        }));
        const { messages, report, overflows } = windowOf(turns, maxTokens);
        expect(overflows).toBe(false);
        expect(report.tokens).toBeLessThanOrEqual(maxTokens);
        expect(report.turns + report.dropped).toBe(turns.length);
        expect(messages[0]).toEqual({ role: 'system', text: 'S' });
        expect(messages.at(-1)).toBe(input);
        expect(messages.slice(1, -1)).toEqual(turns.slice(report.dropped).flatMap((turn) => turn.messages));
        // one more would not have fitted
        if (report.dropped > 0) expect(report.tokens + tokens[report.dropped - 1]!).toBeGreaterThan(maxTokens);
      }),
    );
  });

  test('overflows when the input alone does not fit, or when `none` would have to drop a turn', () => {
    expect(windowOf([], 13).overflows).toBe(true);
    expect(windowOf([], 14).overflows).toBe(false);
    expect(windowOf([{ tokens: 10, messages: [] }], 20, 'none').overflows).toBe(true);
    expect(windowOf([{ tokens: 5, messages: [] }], 20, 'none').overflows).toBe(false);
  });
});

describe('the messages of a turn', () => {
  const call: LogEvent = { t: 'tool.call', pos: 10, turn: 'a', call: 'c', name: 'f', arguments: '{}' };
  const result: LogEvent = { t: 'tool.result', pos: 11, turn: 'a', call: 'c', output: { ok: true } };
  const events: LogEvent[] = [
    { t: 'delta', pos: 2, turn: 'a', kind: 'reasoning', text: 'hm', tokens: 1 },
    { t: 'delta', pos: 4, turn: 'a', text: 'let me', tokens: 3 },
    call,
    result,
    { t: 'delta', pos: 12, turn: 'a', text: 'done', tokens: 4 },
  ];

  test('keep calls with their results and leave reasoning out', () => {
    expect(answerMessages(events)).toEqual([
      { role: 'assistant', text: 'let me', toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }] },
      { role: 'tool', call: 'c', name: 'f', output: '{"ok":true}' },
      { role: 'assistant', text: 'done' },
    ]);
  });

  test('are cut where the user stopped listening, a call going together with its result', () => {
    expect(answerMessages(events, 7)).toEqual([{ role: 'assistant', text: 'let' }]);
    expect(answerMessages(events, 14)).toHaveLength(3);
    expect(answerMessages(events, 14).at(-1)).toEqual({ role: 'assistant', text: 'do' });
    expect(answerMessages(events, 0)).toEqual([]);
  });
});

describe('the tail of a session', () => {
  const key = { tenant: 't', session: 's' };
  const usage = { input: 0, output: 0, reasoning: 0, cached: 0, source: 'counted' } as const;
  const entryOf = (i: number): TurnEntry => ({
    turn: `t${i}`,
    fingerprint: 'f',
    events: [
      { t: 'turn.accepted', pos: i * 10, turn: `t${i}`, input: `q${i}`, at: 0 },
      { t: 'delta', pos: i * 10 + 1, turn: `t${i}`, text: `answer-${i}`.slice(0, 8), tokens: 1 },
      {
        t: 'turn.ended',
        pos: i * 10 + 9,
        turn: `t${i}`,
        status: 'completed',
        usage,
        timing: { queuedMs: 0, totalMs: 0 },
      },
    ],
    inputTokens: 5,
    outputTokens: 5,
  });

  test('reads as much as a budget needs, whatever the session’s length, and is extended turn by turn', async () => {
    const store = createMemoryStore();
    await store.createSession(key, {}, 'e', 0);
    let pages = 0;
    const readTail = store.readTail;
    const counting = {
      ...store,
      readTail: (...args: Parameters<typeof readTail>) => ((pages += 1), readTail(...args)),
    };
    const context = new ContextTail(counting, key);
    for (let i = 0; i < 1_000; i++) {
      await store.claim({
        ...key,
        record: { turn: `t${i}`, fingerprint: 'f', frame: { id: `t${i}`, input: '' }, acceptedAt: 0, node: 'n' },
        onBusy: 'reject',
        maxQueuedTurns: 1,
      });
      await store.end({ ...key, entry: entryOf(i), status: 'completed', head: i * 10 + 10 });
    }
    const turns = await context.read(100);
    expect(pages).toBe(1);
    expect(turns.at(-1)?.messages[0]).toEqual({ role: 'user', content: 'q999' });
    expect(turns.length).toBeGreaterThanOrEqual(10);
    expect(turns.length).toBeLessThan(40);
    context.add(entryOf(1_000));
    expect((await context.read(100)).at(-1)?.messages[0]).toEqual({ role: 'user', content: 'q1000' });
    const more = await context.read(500);
    expect(more.reduce((sum, turn) => sum + turn.tokens, 0)).toBeGreaterThanOrEqual(500);
    expect(more.map((turn) => (turn.messages[0] as { content: string }).content)).toEqual(
      Array.from({ length: more.length }, (_, i) => `q${1_001 - more.length + i}`),
    );
  });
});
