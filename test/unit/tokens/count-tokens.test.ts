import { describe, expect, it } from 'vitest';
import { countTokens, countTokensSliced } from '../../../src/tokens/count-tokens.ts';
import { loadEncoding, vocabularyOf } from '../../../src/tokens/load-encoding.ts';
import { ENCODINGS, referenceCount } from './reference.ts';
import { TEXTS } from './texts.ts';

const EVERYTHING = Object.values(TEXTS).join('\n');

describe.each(ENCODINGS)('counting a whole text by %s', (encoding) => {
  it('gives what tiktoken gives', () => {
    for (const text of ['', ...Object.values(TEXTS), EVERYTHING]) {
      expect(countTokens(encoding, text)).toBe(referenceCount(encoding, text));
    }
  });

  it('gives the same in slices, also when a slice ends within a surrogate pair', async () => {
    for (const text of [
      '',
      'x',
      EVERYTHING.repeat(20),
      `a${'😀 '.repeat(4000)}`,
      `a${'😀'.repeat(500)}bc `.repeat(8),
    ]) {
      expect(await countTokensSliced(encoding, text)).toBe(referenceCount(encoding, text));
    }
  });

  it('loads its vocabulary once', () => {
    loadEncoding(encoding);
    expect(vocabularyOf(encoding)).toBe(vocabularyOf(encoding));
  });
});

describe('counting in slices', () => {
  it('lets other work run before a long text is done', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    await countTokensSliced('o200k_base', EVERYTHING.repeat(1000));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});
