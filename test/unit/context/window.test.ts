import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContextTail } from '../../../src/context/context-tail.ts';
import { answerMessages } from '../../../src/context/turn-messages.ts';
import type { WindowTurn } from '../../../src/context/window-turn.ts';
import { buildWindow, type Window, type WindowRequest } from '../../../src/context/window.ts';
import type { LogEvent } from '../../../src/session/log-event.ts';
import type { TurnEntry } from '../../../src/store/contract.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const input = { role: 'user', content: 'now' } as const;

type Policy = 'sliding' | 'none';

function turnOf(i: number, tokens: number, own?: WindowTurn['own']): WindowTurn {
  const messages = [
    { role: 'user', content: `q${i}` },
    { role: 'assistant', text: '', toolCalls: [{ id: `c${i}`, name: 'f', arguments: '{}' }] },
    { role: 'tool', call: `c${i}`, name: 'f', output: 'r' },
    { role: 'assistant', text: `a${i}` },
  ] as const;
  return { turn: `t${i}`, end: (i + 1) * 10, tokens, messages, own };
}

function windowOf(
  turns: readonly WindowTurn[],
  maxTokens: number,
  more: Partial<WindowRequest> & { policy?: Policy } = {},
) {
  return buildWindow({
    policy: 'sliding',
    maxTokens,
    system: 'S',
    systemTokens: 2,
    toolTokens: 0,
    input,
    inputTokens: 5,
    turns,
    totalTurns: turns.length,
    ...more,
  });
}

/** Tokens of `windowOf` without any turn. */
const base = 14;

describe('a window', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 });

  test('holds system text, the newest whole turns, and the input, within its budget', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: base, max: 400 }), (tokens, maxTokens) => {
        const turns = tokens.map((count, i) => turnOf(i, count));
        const { messages, report, sent, overflow } = windowOf(turns, maxTokens);
        expect(overflow).toBeUndefined();
        expect(report.tokens).toBeLessThanOrEqual(maxTokens);
        expect(report.turns + report.dropped).toBe(turns.length);
        expect(messages[0]).toEqual({ role: 'system', text: 'S' });
        expect(messages.at(-1)).toBe(input);
        expect(messages.slice(1, -1)).toEqual(turns.slice(report.dropped).flatMap((turn) => turn.messages));
        expect(sent.turns).toEqual(report.turns === 0 ? undefined : [turns[report.dropped]!.end, turns.at(-1)!.end]);
        const total = base + tokens.reduce((sum, count) => sum + count, 0);
        if (total <= maxTokens) expect(report.dropped).toBe(0);
        // the newest is there if it fits at all, and what is left free is at most a quarter and one turn
        else if (base + tokens.at(-1)! <= maxTokens) {
          expect(report.turns).toBeGreaterThan(0);
          const next = tokens[report.dropped - 1]!;
          expect(report.tokens + next).toBeGreaterThan(maxTokens - (maxTokens - base) / 4);
        }
      }),
    );
  });

  test('begins with the same messages from turn to turn, and jumps seldom', () => {
    const inputs = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(inputs, fc.integer({ min: 200, max: 2_000 }), (tokens, maxTokens) => {
        const turns: WindowTurn[] = [];
        let before: Window | undefined;
        let jumps = 0;
        for (const [i, count] of tokens.entries()) {
          const window = windowOf(turns, maxTokens);
          // as a node does that has read no more than it must
          const few = turns.slice(tailStart(turns, maxTokens));
          const cold = windowOf(few, maxTokens, { totalTurns: turns.length });
          expect(cold).toEqual(window);
          expect(window.report.tokens).toBeLessThanOrEqual(maxTokens);
          if (before !== undefined) {
            const prefix = before.messages.slice(0, -1);
            if (JSON.stringify(window.messages.slice(0, prefix.length)) !== JSON.stringify(prefix)) jumps++;
          }
          turns.push(turnOf(i, count, { report: window.report, sent: window.sent }));
          before = window;
        }
        const total = tokens.reduce((sum, count) => sum + count, 0);
        // each jump frees a quarter of the room but for one turn
        const freed = (maxTokens - base) / 4 - 20;
        expect(jumps).toBeLessThanOrEqual(Math.ceil(total / freed));
      }),
      { numRuns: 30 },
    );
  });

  test('takes more in again after the budget or the policy was changed', () => {
    const turns = Array.from({ length: 40 }, (_, i) => turnOf(i, 10));
    const small = windowOf(turns, 100);
    const after = [...turns, turnOf(40, 10, small)];
    const larger = windowOf(after, 300);
    expect(larger.report.turns).toBeGreaterThan(small.report.turns + 1);
    expect(windowOf(after, 10_000).report.dropped).toBe(0);
    expect(windowOf(after, 100).report.turns).toBe(small.report.turns + 1);
    const smaller = windowOf(after, 60);
    expect(smaller.report.tokens).toBeLessThanOrEqual(60);
    expect(smaller.report.turns).toBeGreaterThan(0);
  });

  test('overflows when the input alone does not fit, or when `none` would have to drop a turn', () => {
    expect(windowOf([], 13).overflow).toBe('input');
    expect(windowOf([], 14).overflow).toBeUndefined();
    expect(windowOf([turnOf(0, 10)], 20, { policy: 'none' }).overflow).toBe('history');
    expect(windowOf([turnOf(0, 5)], 20, { policy: 'none' }).overflow).toBeUndefined();
  });
});

/** Index from which on turns hold at least `maxTokens` tokens. */
function tailStart(turns: readonly WindowTurn[], maxTokens: number): number {
  let start = turns.length;
  for (let tokens = 0; start > 0 && tokens < maxTokens; ) tokens += turns[--start]!.tokens;
  return start;
}

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
    const smile: LogEvent = { t: 'delta', pos: 0, turn: 'a', text: 'a👋b', tokens: 3 };
    expect([1, 2, 3, 4].map((heard) => answerMessages([smile], heard)[0])).toMatchObject([
      { text: 'a' },
      { text: 'a' },
      { text: 'a👋' },
      { text: 'a👋b' },
    ]);
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
        record: {
          turn: `t${i}`,
          fingerprint: 'f',
          frame: { id: `t${i}`, input: '' },
          who: { subject: 'tester' },
          acceptedAt: 0,
          node: 'n',
        },
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
