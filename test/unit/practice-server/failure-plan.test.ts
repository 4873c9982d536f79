import { expect, test } from 'vitest';
import { failureOf, parseFailures } from '../../../src/practice-server/failure-plan.ts';

test('a plan is read from a flag', () => {
  expect(parseFailures('429:0.05, hang:.01')).toEqual({ '429': 0.05, hang: 0.01 });
});

test.each([
  ['429', '“429” is no failure with a share, such as 429:0.05.'],
  ['200:0.1', '“200” is no failure: take a status from 400 to 599, or truncate, reset, hang, error, malformed.'],
  ['429:0.7,hang:0.7', 'The failures have shares of 1.4 together; 1 is all requests.'],
])('%s is refused with a sentence', (text, sentence) => {
  expect(() => parseFailures(text)).toThrow(sentence);
});

test('each failure gets its share of the requests, the same ones each time', () => {
  const shares = { '429': 0.1, truncate: 0.2 };
  const kinds = Array.from({ length: 5_000 }, (_, arrival) => failureOf(shares, 1, arrival)?.kind);
  expect(kinds.filter((kind) => kind === 'status').length / 5_000).toBeCloseTo(0.1, 1);
  expect(kinds.filter((kind) => kind === 'truncate').length / 5_000).toBeCloseTo(0.2, 1);
  expect(Array.from({ length: 5_000 }, (_, arrival) => failureOf(shares, 1, arrival)?.kind)).toEqual(kinds);
});
