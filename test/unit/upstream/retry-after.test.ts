import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/upstream/retry-after.ts';

const wallMs = Date.parse('Sat, 21 Nov 2026 10:00:00 GMT');

describe('Retry-After', () => {
  it.each<[string | undefined, number | undefined]>([
    ['3', 3000],
    ['0', 0],
    ['1.5', 1500],
    [' 2 ', 2000],
    ['-5', 0],
    ['60', 60_000],
    ['61', 60_000],
    ['99999999999999999999', 60_000],
    ['Sat, 21 Nov 2026 10:00:07 GMT', 7000],
    ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
    ['Sat, 21 Nov 2099 10:00:00 GMT', 60_000],
    ['Saturday, 21-Nov-26 10:00:07 GMT', 7000],
    ['soon', undefined],
    ['1e3', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['', undefined],
    ['2026-11-21', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (value, expectedMs) => {
    expect(parseRetryAfter({ 'retry-after': value }, wallMs)).toBe(expectedMs);
  });

  it('is a time by the clock of the provider, however wrong the one here is', () => {
    const headers = { 'retry-after': 'Sat, 21 Nov 2026 10:00:07 GMT', date: 'Sat, 21 Nov 2026 10:00:00 GMT' };
    for (const offsetMs of [-600_000, 0, 600_000]) expect(parseRetryAfter(headers, wallMs + offsetMs)).toBe(7000);
    expect(parseRetryAfter({ ...headers, date: 'some day' }, wallMs + 2000)).toBe(5000);
  });

  it('may come in milliseconds, which are preferred, or more than once', () => {
    expect(parseRetryAfter({ 'retry-after-ms': '250', 'retry-after': '9' }, wallMs)).toBe(250);
    expect(parseRetryAfter({ 'retry-after': ['4', '9'] }, wallMs)).toBe(4000);
  });
});
