import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodingName } from '../../../src/tokens/encoding.ts';
import { createTokenCounter } from '../../../src/tokens/token-counter.ts';
import { cutAtRandom, ENCODINGS, referenceCount, seededRandom } from './reference.ts';
import { TEXTS } from './texts.ts';

const RUNS_FACTOR = process.env.PARLEY_LONG === '1' ? 50 : 1;
const RUNS: Readonly<Record<EncodingName, number>> = {
  o200k_base: 16_000 * RUNS_FACTOR,
  cl100k_base: 12_000 * RUNS_FACTOR,
  p50k_base: 4000 * RUNS_FACTOR,
  r50k_base: 4000 * RUNS_FACTOR,
};
const TIMEOUT_MS = 30_000 * RUNS_FACTOR;

/** Every character that some alternative of some pattern treats in its own way, and neighbours of each. */
// biome-ignore format: one kind of character per row
const TELLING = [
  "'", "'", '’', 'ſ', ...'sStTrReEvVlLdDmMab',
  ' ', ' ', '  ', '\n', '\r', '\t', '\u00a0', '\u3000', '\u0085', '\u2028', '\u180e', '\ufeff', '\0',
  '/', ',', '!', '-', '_', '```', '1', '23', '٣', '½', 'Ⅷ', '<|endoftext|>',
  '中', '文', 'か', 'ー', '한', 'ʰ', 'ª', 'ǅ', 'É', 'é', 'ß', 'д', 'Я', 'Σ', 'ש', 'ع', 'ก', 'ำ', 'क', '्',
  '\u0301', '\ufe0f', '\u200d', '❤', '👨', '🏽', '🇩', '𝐀', '𝒶', '𐐀', '𐐨', '𝟙', '\u{10ffff}', '\u{e0100}',
  '\ud83d', '\ude00',
];

const textArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...TELLING), { maxLength: 40 }).map((parts) => parts.join('')) },
  // Few different characters make long runs and repeated patterns.
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...TELLING), { minLength: 1, maxLength: 4 })
      .chain((few) => fc.array(fc.constantFrom(...few), { maxLength: 40 }))
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
      .map((units) => String.fromCharCode(...units)),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom(...Object.values(TEXTS)), { minLength: 1, maxLength: 2 })
      .chain((texts) => fc.tuple(fc.constant(texts.join('')), fc.nat(400), fc.integer({ min: 1, max: 60 })))
      .map(([text, start, units]) => text.slice(start % text.length).slice(0, units)),
  },
);

/** Deltas as models send them: words that come again and again, and whatever may follow a word. */
const DELTAS = [
  ...[' the', ' gate', ' it', ' a', ' zq', ' reconnects', ' unbelievable', ' unbelievably', ' don', ' we', ' x'],
  ...[
    "'s",
    "'ll",
    "'r",
    "'",
    's',
    'S',
    'es',
    'ing',
    ',',
    '.',
    '/',
    '"',
    '(',
    '1',
    ' 1',
    ' A',
    ' The',
    ' the gate',
    'the',
  ],
  ...[
    ' ',
    '  ',
    '\n',
    ' \n',
    '\t',
    '\u00a0',
    '\u0301',
    'é',
    ' é',
    '中',
    'ʰ',
    '’',
    '\ud83d',
    '\ude00',
    '👍',
    '\0',
    '{',
    '@',
    '`',
    '[',
  ],
];

function expectExactAfterEvery(encoding: EncodingName, parts: readonly string[]): void {
  const counter = createTokenCounter(encoding);
  let whole = '';
  for (const part of parts) {
    whole += part;
    const returned = counter.append(part);
    const expected = referenceCount(encoding, whole);
    if (returned !== expected || counter.total !== expected) {
      expect.fail(`${encoding}: ${returned} tokens, tiktoken says ${expected} for ${JSON.stringify(whole)}`);
    }
  }
}

describe.each(ENCODINGS)('a %s counter', (encoding) => {
  it.each(Object.keys(TEXTS))('is exact after every UTF-16 unit of %s', (name) => {
    expectExactAfterEvery(encoding, (TEXTS[name] as string).split(''));
  });

  it(
    'is exact after every delta, for words that are known and whatever follows them',
    () => {
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...DELTAS), { maxLength: 30 }), (parts) =>
          expectExactAfterEvery(encoding, parts),
        ),
        { numRuns: RUNS[encoding] / 4 },
      );
    },
    TIMEOUT_MS,
  );

  it('is exact after every part of the texts cut at random', () => {
    const random = seededRandom(1);
    for (const text of Object.values(TEXTS)) expectExactAfterEvery(encoding, cutAtRandom(text, 12, random));
  });

  it(
    'is exact after every append, for any text and any chunking',
    () => {
      fc.assert(
        fc.property(textArbitrary, fc.nat(), fc.integer({ min: 1, max: 7 }), (text, seed, maxUnits) => {
          expectExactAfterEvery(encoding, cutAtRandom(text, maxUnits, seededRandom(seed)));
        }),
        { numRuns: RUNS[encoding] },
      );
    },
    TIMEOUT_MS,
  );

  it('starts at zero and is left alone by empty parts', () => {
    const counter = createTokenCounter(encoding);
    expect(counter.total).toBe(0);
    expect(counter.append('')).toBe(0);
    counter.append('\ud83d');
    const open = counter.total;
    expect(counter.append('')).toBe(open);
    expect(counter.append('\ude00')).toBe(referenceCount(encoding, '😀'));
  });

  it('keeps counters apart that share an encoding', () => {
    const first = createTokenCounter(encoding);
    const second = createTokenCounter(encoding);
    first.append('hello wor');
    second.append('12');
    first.append('ld');
    second.append('345');
    expect(first.total).toBe(referenceCount(encoding, 'hello world'));
    expect(second.total).toBe(referenceCount(encoding, '12345'));
  });
});
