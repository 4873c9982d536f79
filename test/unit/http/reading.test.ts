import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from '../../../src/http/cursor.ts';
import { negotiate } from '../../../src/http/negotiate.ts';
import { parseQuery } from '../../../src/http/parse-query.ts';
import { compilePath } from '../../../src/http/path-template.ts';
import { Problem } from '../../../src/http/problem.ts';
import { RequestRates } from '../../../src/http/request-rates.ts';
import { parseTime } from '../../../src/http/usage-time.ts';
import { writeCsv } from '../../../src/http/write-csv.ts';

/** Text as an attacker writes it: percent signs, separators and halves of characters among letters. */
const odd = fc.string({
  unit: fc.constantFrom('%', '&', '=', '+', '/', '?', 'a', 'é', '\u0000', '%E0', '%2', '{', '\ud800', '..'),
});

function statusOf(read: () => unknown): number {
  try {
    read();
    return 200;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.status;
  }
}

describe('a query', () => {
  test('is read or refused with 400, whatever it is', () => {
    fc.assert(fc.property(odd, (text) => [200, 400].includes(statusOf(() => parseQuery(text)))));
  });

  test('that was encoded is read as it was meant', () => {
    const names = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.string({ unit: 'grapheme' }), { noNullPrototype: true, maxKeys: 8 }),
        (values) => {
          const query = new URLSearchParams(values).toString();
          expect({ ...parseQuery(query) }).toEqual(Object.fromEntries(Object.entries(values)));
        },
      ),
    );
  });

  test('has each name once, and not too many', () => {
    expect(statusOf(() => parseQuery('a=1&a=1'))).toBe(400);
    expect(statusOf(() => parseQuery('a=1&%61=2'))).toBe(400);
    expect(statusOf(() => parseQuery(Array.from({ length: 65 }, (_, i) => `n${i}=1`).join('&')))).toBe(400);
    expect(parseQuery('a=b+c%2B&d')).toEqual({ a: 'b c+', d: '' });
  });
});

describe('a path', () => {
  const match = compilePath('/v1/sessions/{id}/turns');

  test('is matched, not matched or malformed, whatever it is', () => {
    fc.assert(
      fc.property(odd, (text) =>
        ['matched', 'other', 'malformed'].includes(match(`/v1/sessions/${text}/turns`).outcome),
      ),
    );
  });

  test('gives its segment back as it was before it was encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
        expect(match(`/v1/sessions/${encodeURIComponent(id)}/turns`)).toEqual({ outcome: 'matched', params: { id } });
      }),
    );
  });

  test.each(['/v1/sessions//turns', '/v1/sessions/a/b/turns', '/v1/sessions/a/turns/', '/V1/sessions/a/turns', ''])(
    '%j is another one',
    (path) => expect(match(path)).toEqual({ outcome: 'other' }),
  );
});

describe('a cursor', () => {
  test('of a page is read again, and any other text is refused', () => {
    const cursor = { passed: 40, last: ['a', 'b'] };
    expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor);
    fc.assert(fc.property(fc.string(), (text) => [200, 400].includes(statusOf(() => decodeCursor(text)))));
  });
});

describe('Accept', () => {
  const offered = ['application/json', 'text/csv'] as const;

  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['text/*;q=0.5, application/json;q=0.4', 'text/csv'],
    ['application/json;q=0, */*', 'text/csv'],
    ['TEXT/CSV; header=present', 'text/csv'],
  ])('%j takes %s', (accept, type) => expect(negotiate(accept, offered)).toBe(type));

  test.each(['text/html', 'text/csv;q=0', 'text/csv;q=nonsense', ';;,'])('%j takes nothing', (accept) => {
    expect(statusOf(() => negotiate(accept, offered))).toBe(406);
  });
});

describe('a time', () => {
  const now = Date.UTC(2026, 0, 31);

  test.each([
    ['now', now],
    ['-7d', now - 7 * 86_400_000],
    ['-90m', now - 90 * 60_000],
    ['2026-01-02', Date.UTC(2026, 0, 2)],
    ['2026-01-02T03:04Z', Date.UTC(2026, 0, 2, 3, 4)],
    ['2026-01-02T03:04:05.678+02:00', Date.UTC(2026, 0, 2, 1, 4, 5, 678)],
  ])('%s is understood', (text, ms) => expect(parseTime(text, now)).toBe(ms));

  test.each(['', 'yesterday', '7d', '-7y', '2026-02-30', '2026-13-01', '2026-01-02 03:04', '2026-01-02T03:04', '1e9'])(
    '%j is not',
    (text) => expect(parseTime(text, now)).toBeUndefined(),
  );
});

test('CSV quotes what must be quoted, and no cell is a formula', () => {
  expect(
    writeCsv([
      ['a,b', 'say "hi"', 'two\r\nlines', 1.5],
      ['=1+1', '@x', '-1', 0],
    ]),
  ).toBe(`"a,b","say ""hi""","two\r\nlines",1.5\r\n'=1+1,'@x,'-1,0\r\n`);
});

describe('request rates', () => {
  test('fill evenly, and a debt has a bound', () => {
    let now = 0;
    const rates = new RequestRates({ now: () => now });
    expect([rates.take('a', 2), rates.take('a', 2), rates.take('a', 2)]).toEqual([undefined, undefined, 30_000]);
    now = 30_000;
    expect([rates.take('a', 2), rates.take('b', 2)]).toEqual([undefined, undefined]);
    rates.charge('a', 1_000, 2);
    expect(rates.take('a', 2)).toBe(90_000);
  });
});
