import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Tiktoken } from 'tiktoken/lite';
import type { EncodingName } from '../../../src/tokens/encoding.ts';

const require = createRequire(import.meta.url);
const encoders = new Map<EncodingName, Tiktoken>();

/** tiktoken itself, which the room's counts are held against. */
export function referenceEncoder(encoding: EncodingName): Tiktoken {
  let encoder = encoders.get(encoding);
  if (encoder === undefined) {
    const file = JSON.parse(readFileSync(require.resolve(`tiktoken/encoders/${encoding}.json`), 'utf8')) as {
      bpe_ranks: string;
      special_tokens: Record<string, number>;
      pat_str: string;
    };
    encoder = new Tiktoken(file.bpe_ranks, file.special_tokens, file.pat_str);
    encoders.set(encoding, encoder);
  }
  return encoder;
}

export function referenceCount(encoding: EncodingName, text: string): number {
  return referenceEncoder(encoding).encode_ordinary(text).length;
}

export const ENCODINGS: readonly EncodingName[] = ['o200k_base', 'cl100k_base', 'p50k_base', 'r50k_base'];

/** A fixed seed makes long shapes and cuts the same on every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Cuts a text into parts of 1 to `maxUnits` UTF-16 units, surrogate pairs included. */
export function cutAtRandom(text: string, maxUnits: number, random: () => number): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const units = 1 + Math.floor(random() * maxUnits);
    parts.push(text.slice(at, at + units));
    at += units;
  }
  return parts;
}
