import { expect, test } from 'vitest';
import { isLikeAny } from '../../../src/lib/glob.ts';

test.each([
  ['a', 'a', true],
  ['a', 'ab', false],
  ['*', '', true],
  ['finance-*', 'finance-eu', true],
  ['*.yaml', 'b.yaml', true],
  ['*.yaml', 'byaml', false],
  ['a*b*c', 'a--b--c', true],
  ['a*b*c', 'acb', false],
  ['ab*b', 'ab', false],
])('%s and %s: %s', (pattern, text, expected) => {
  expect(isLikeAny(pattern)(text)).toBe(expected);
  expect(isLikeAny(['other', pattern])(text)).toBe(expected);
});
