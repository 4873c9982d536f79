import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerText, answerTokens, tokenTexts } from '../../../src/practice-server/answer-tokens.ts';
import { countTokens } from '../../../src/tokens/count-tokens.ts';

test('any prefix of any answer has exactly as many tokens of o200k_base as it says', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string(), fc.integer({ min: 1, max: 400 }), (seed, requestId, tokens) => {
      expect(countTokens('o200k_base', answerText(seed, requestId, tokens))).toBe(tokens);
    }),
    { numRuns: 200 },
  );
});

test('seed, request id and index determine a token, and nothing else does', () => {
  expect(answerText(1, 'a', 50)).toBe(answerText(1, 'a', 50));
  expect(answerText(1, 'a', 50)).not.toBe(answerText(2, 'a', 50));
  expect(answerText(1, 'a', 50)).not.toBe(answerText(1, 'b', 50));
  expect(answerText(1, 'a', 50).startsWith(answerText(1, 'a', 20))).toBe(true);
  expect(answerTokens(1, 'a')(40)).toBe(answerTokens(1, 'a')(40));
});

test('every token appears, those of several bytes and of two code units as well', () => {
  const long = answerText(1, 'long', 20_000);
  expect(tokenTexts.filter((text) => !long.includes(text))).toEqual([]);
});
