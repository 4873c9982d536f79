import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planFold } from '../../../src/context/plan-fold.ts';
import { foldMessages, systemWithSummary } from '../../../src/context/summary-text.ts';
import type { WindowTurn } from '../../../src/context/window-turn.ts';
import { buildWindow } from '../../../src/context/window.ts';

const input = { role: 'user', content: 'now' } as const;
const summaryTokens = 30;

test('with folds in time nothing is ever left out, the budget holds, and folds are few', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 200, maxLength: 200 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 300, max: 2_000 }), (tokens, maxTokens) => {
      const turns: WindowTurn[] = [];
      let summary: { end: number; turns: number } | undefined;
      let folds = 0;
      for (const [i, count] of tokens.entries()) {
        const window = buildWindow({
          policy: 'summary',
          maxTokens,
          system: 'S',
          systemTokens: summary === undefined ? 1 : 1 + summaryTokens,
          summary,
          toolTokens: 0,
          input,
          inputTokens: 5,
          turns,
          totalTurns: turns.length,
        });
        expect(window.report).toMatchObject({ dropped: 0, fallback: undefined, summarised: summary?.turns });
        expect(window.report.tokens).toBeLessThanOrEqual(maxTokens);
        expect(window.report.turns + (summary?.turns ?? 0)).toBe(i);
        const { report, sent } = window;
        turns.push({ turn: `t${i}`, end: (i + 1) * 10, tokens: count, messages: [], own: { report, sent } });
        const upTo = planFold({
          turns,
          summarisedTo: summary?.end ?? 0,
          roomTokens: maxTokens - 5 - summaryTokens,
          after: 0.6,
        });
        if (upTo === undefined) continue;
        folds++;
        expect(upTo).toBeGreaterThan(summary?.end ?? 0);
        // the newest stays as it was said
        expect(upTo).toBeLessThan(turns.at(-1)!.end);
        summary = { end: upTo, turns: upTo / 10 };
      }
      const total = tokens.reduce((sum, count) => sum + count, 0);
      expect(folds).toBeLessThanOrEqual(Math.ceil(total / ((maxTokens - 35) * 0.3 - 40)));
    }),
    { numRuns: 50 },
  );
});

test('the summary stands at the end of the system text', () => {
  expect(systemWithSummary(undefined, undefined)).toBeUndefined();
  expect(systemWithSummary('S', '')).toBe('S');
  expect(systemWithSummary('S', 'so far')).toMatch(/^S\n\nSummary .*\nso far$/);
  expect(systemWithSummary(undefined, 'so far')).toMatch(/^Summary .*\nso far$/);
});

test('a request to sum up holds everything that was said, long texts cut in their middle', () => {
  const messages = [
    { role: 'user', content: 'look' },
    { role: 'assistant', text: 'ok', toolCalls: [{ id: 'c', name: 'f', arguments: '{"a":1}' }] },
    { role: 'tool', call: 'c', name: 'f', output: `begin${'x'.repeat(500)}end` },
  ] as const;
  const [system, user] = foldMessages('Sum up.', 60, 'before', messages, 100);
  expect(system).toEqual({ role: 'system', text: 'Sum up.\nUse at most 60 tokens.' });
  const text = (user as { content: string }).content;
  expect(text).toContain('Summary so far:\nbefore\n');
  expect(text).toContain('User: look\nAssistant: ok [calls f with {"a":1}]\nTool f: begin');
  expect(text).toMatch(/ \[…\] x+end$/);
  expect(text.length).toBeLessThan(300);
});
