import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countTokens } from '../../../src/tokens/count-tokens.ts';
import { createTokenCounter } from '../../../src/tokens/token-counter.ts';
import { type TurnPhase, TurnMachine } from '../../../src/turn/turn-machine.ts';
import { type DeltaKind, TurnOutput } from '../../../src/turn/turn-output.ts';

function outputOf(maxTokens: number) {
  const deltas: { kind: DeltaKind; text: string; tokens: number }[] = [];
  let limited = 0;
  const output = new TurnOutput({
    createCounter: () => createTokenCounter('o200k_base'),
    emit: (kind, text, tokens) => void deltas.push({ kind, text, tokens }),
    atLimit: () => 'cut',
    onCut: () => void limited++,
  });
  output.maxTokens = maxTokens;
  return { output, deltas, limits: () => limited, text: () => deltas.map((delta) => delta.text).join('') };
}

describe('an answer on its way out', () => {
  test('loses nothing, splits no pair, and counts exactly at every delta', async () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\ud83d', '\ude00', ' word', '\n'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 30 }), async (parts) => {
        const { output, deltas, text } = outputOf(1_000_000);
        for (const piece of parts) output.push('text', piece);
        await new Promise<void>((resolve) => output.finish(resolve));
        expect(text()).toBe(parts.join('').toWellFormed());
        let seen = '';
        for (const delta of deltas) {
          expect(delta.text.isWellFormed()).toBe(true);
          expect(delta.text).not.toBe('');
          seen += delta.text;
          expect(delta.tokens).toBe(countTokens('o200k_base', seen));
        }
      }),
    );
  });

  test('is cut at the token limit, at most one token short of it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.lorem({ maxCount: 8 }), { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 60 }),
        (parts, maxTokens) => {
          const { output, deltas, limits, text } = outputOf(maxTokens);
          for (const piece of parts) output.push('text', ` ${piece}`);
          const whole = parts.map((piece) => ` ${piece}`).join('');
          const total = countTokens('o200k_base', whole);
          expect(whole.startsWith(text())).toBe(true);
          expect(output.tokens).toBeLessThanOrEqual(maxTokens);
          expect(deltas.at(-1)?.tokens ?? 0).toBe(countTokens('o200k_base', text()));
          if (total > maxTokens) {
            expect(limits()).toBe(1);
            expect(countTokens('o200k_base', whole.slice(0, text().length + 1))).toBeGreaterThan(maxTokens);
          } else if (limits() === 0) {
            expect(text()).toBe(whole);
          }
        },
      ),
    );
  });

  test('waits at a limit that may rise, and goes on where it stopped, or is cut there', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.lorem({ maxCount: 8 }), { minLength: 1, maxLength: 10 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 }),
        fc.boolean(),
        async (parts, grants, isCut) => {
          const deltas: { text: string; tokens: number }[] = [];
          let cuts = 0;
          const output: TurnOutput = new TurnOutput({
            createCounter: () => createTokenCounter('o200k_base'),
            emit: (_kind, text, tokens) => void deltas.push({ text, tokens }),
            atLimit: () => 'wait',
            onCut: () => void cuts++,
          });
          output.maxTokens = 3;
          const whole = parts.map((piece) => ` ${piece}`).join('');
          const text = () => deltas.map((delta) => delta.text).join('');
          for (const [i, piece] of parts.entries()) {
            output.push('text', ` ${piece}`);
            const grant = grants[i] ?? 0;
            output.maxTokens += grant;
            if (grant > 0) output.resume();
            expect(deltas.at(-1)?.tokens ?? 0).toBeLessThanOrEqual(output.maxTokens);
            expect(whole.startsWith(text())).toBe(true);
            await new Promise((resolve) => setImmediate(resolve));
          }
          let isFinished = false;
          output.finish(() => {
            isFinished = true;
          });
          if (isCut && output.isWaiting) {
            output.cut();
            expect(cuts).toBe(1);
            expect(isFinished).toBe(false);
            expect(output.tokens).toBe(countTokens('o200k_base', text()));
            return;
          }
          output.maxTokens = 1_000_000;
          output.resume();
          await expect.poll(() => isFinished, { interval: 1 }).toBe(true);
          expect(text()).toBe(whole);
          expect(output.tokens).toBe(countTokens('o200k_base', whole));
          for (const [i, { tokens }] of deltas.entries())
            expect(tokens).toBe(
              countTokens(
                'o200k_base',
                deltas
                  .slice(0, i + 1)
                  .map((delta) => delta.text)
                  .join(''),
              ),
            );
          expect(cuts).toBe(0);
        },
      ),
    );
  });

  test('a megabyte in one delta comes out whole, in slices a loop turn apart', async () => {
    const { output, deltas, text } = outputOf(10_000_000);
    const huge = 'lorem ipsum 😀 '.repeat(70_000);
    output.push('text', huge);
    output.push('text', 'the end');
    expect(deltas.length).toBeLessThan(3);
    await new Promise<void>((resolve) => output.finish(resolve));
    expect(text()).toBe(`${huge}the end`);
    expect(Math.max(...deltas.map((delta) => delta.text.length))).toBeLessThanOrEqual(4_097);
  });

  test('text and reasoning are counted apart and summed', () => {
    const { output, deltas } = outputOf(1_000);
    output.push('reasoning', 'hello');
    output.push('text', 'hello');
    output.countToolText('hello');
    expect(deltas.map((delta) => delta.tokens)).toEqual([1, 2]);
    expect([output.tokens, output.textTokens, output.reasoningTokens]).toEqual([3, 1, 1]);
    output.closeCall();
    output.push('text', ' again');
    expect([output.tokens, output.textTokens]).toEqual([4, 2]);
  });
});

describe('the turn machine', () => {
  const phases: TurnPhase[] = ['claimed', 'queued', 'routing', 'waiting', 'streaming', 'tool', 'ending', 'ended'];

  test('enters `ending` at most once, from every phase before it, and nothing follows `ended`', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...phases), { maxLength: 30 }), (walk) => {
        const machine = new TurnMachine();
        let endings = 0;
        for (const next of walk) {
          const allowed = machine.canEnter(next);
          if (!allowed) {
            expect(() => machine.enter(next)).toThrow(/cannot go from/);
            continue;
          }
          const wasOver = machine.isOver;
          machine.enter(next);
          if (next === 'ending') endings++;
          expect(machine.isOver).toBe(wasOver || next === 'ending');
        }
        expect(endings).toBeLessThanOrEqual(1);
        if (!machine.isOver) expect(machine.canEnter('ending')).toBe(true);
      }),
    );
  });
});
