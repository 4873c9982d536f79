import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CharClass, charClassTable, packRuns } from '../../../src/tokens/split/char-class.ts';
import { CHAR_CLASS_RUNS } from '../../../src/tokens/split/char-class-runs.generated.ts';
import { probeCharClassRuns, renderCharClassRuns } from '../../../src/tokens/split/probe-char-classes.ts';

const GENERATED = new URL('../../../src/tokens/split/char-class-runs.generated.ts', import.meta.url);

describe('the table of character classes', () => {
  it('is what the regex engine inside tiktoken says (PARLEY_UPDATE=1 writes it anew)', () => {
    const rendered = renderCharClassRuns(probeCharClassRuns());
    if (process.env.PARLEY_UPDATE === '1') writeFileSync(GENERATED, rendered);
    expect(readFileSync(GENERATED, 'utf8')).toBe(rendered);
  });

  it('survives packing', () => {
    expect(packRuns(charClassTable())).toBe(CHAR_CLASS_RUNS);
  });

  it.each([
    ['A', CharClass.upper],
    ['ǅ', CharClass.upper],
    ['ß', CharClass.lower],
    ['中', CharClass.caseless],
    ['ʰ', CharClass.caseless],
    ['\u0301', CharClass.mark],
    ['½', CharClass.number],
    ['\u0085', CharClass.space],
    ['\u3000', CharClass.space],
    ['\u180e', CharClass.other],
    ['\ufeff', CharClass.other],
    ['\ufffd', CharClass.other],
    ['\r', CharClass.newline],
    ['😀', CharClass.other],
  ])('has the class of %j', (character, charClass) => {
    expect(charClassTable()[character.codePointAt(0) as number]).toBe(charClass);
  });
});
