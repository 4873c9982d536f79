import { describe, expect, it } from 'vitest';
import type { EncodingName } from '../../../src/tokens/encoding.ts';
import { IncrementalTokenCounter } from '../../../src/tokens/incremental-token-counter.ts';
import { vocabularyOf } from '../../../src/tokens/load-encoding.ts';
import { createTokenCounter } from '../../../src/tokens/token-counter.ts';
import { cutAtRandom, ENCODINGS, referenceCount, seededRandom } from './reference.ts';
import { unbrokenShapes } from './shapes.ts';

const IS_LONG = process.env.PARLEY_LONG === '1';
const SHAPES = unbrokenShapes(IS_LONG ? 12_000 : 5_000);
/** tiktoken is quadratic here; it is the reference that takes the time. */
const TIMEOUT_MS = IS_LONG ? 300_000 : 30_000;
const LENGTHS_COMPARED = 4;

/** A few steps per byte, or up to every length of a repeated token, but never more as the run grows. */
const MAX_STEPS_PER_BYTE = 300;

function workSteps(encoding: EncodingName, parts: readonly string[]): number {
  const counter = new IncrementalTokenCounter(encoding, vocabularyOf(encoding));
  for (const part of parts) counter.append(part);
  return counter.workSteps;
}

describe.each(ENCODINGS)('an unbroken run under %s', (encoding) => {
  it.each(Object.keys(SHAPES))('of %s is counted exactly', { timeout: TIMEOUT_MS }, (name) => {
    const text = SHAPES[name] as string;
    const random = seededRandom(text.length);
    for (const maxUnits of [1, 900]) {
      const parts = cutAtRandom(text, maxUnits, random);
      const checkEvery = Math.ceil(parts.length / LENGTHS_COMPARED);
      const counter = createTokenCounter(encoding);
      let units = 0;
      for (const [index, part] of parts.entries()) {
        counter.append(part);
        units += part.length;
        if (index % checkEvery !== 0 && units !== text.length) continue;
        expect(counter.total).toBe(referenceCount(encoding, text.slice(0, units)));
      }
    }
  });

  it.each(Object.keys(SHAPES))('of %s costs work in proportion to its length', (name) => {
    const text = (SHAPES[name] as string).repeat(8);
    const bytes = Buffer.byteLength(text);
    const wholeSteps = workSteps(encoding, [text]);
    expect(wholeSteps / bytes).toBeLessThan(MAX_STEPS_PER_BYTE);
    // One unit at a time; only a character that arrives in halves is counted twice.
    expect(workSteps(encoding, text.split(''))).toBeLessThan(wholeSteps * 4);
    const halfSteps = workSteps(encoding, [text.slice(0, text.length / 2)]);
    expect(wholeSteps / halfSteps).toBeLessThan(2.2);
  });
});
