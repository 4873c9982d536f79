import { setImmediate as nextLoopTurn } from 'node:timers/promises';
import type { EncodingName } from './encoding.ts';
import { createTokenCounter } from './token-counter.ts';

const SLICE_UNITS = 4096;
/** Well under the 10 ms promised, as a slice of the costliest shape (blanks) takes some 2 ms itself. */
const LOOP_SHARE_MS = 5;

/** Tokens of a text, in one go; some 10 ms per 400 KB of prose, so for texts known to be short. */
export function countTokens(encoding: EncodingName, text: string): number {
  return createTokenCounter(encoding).append(text);
}

/** Tokens of a text of any size; lets the event loop turn at least every 10 ms. */
export async function countTokensSliced(encoding: EncodingName, text: string): Promise<number> {
  const counter = createTokenCounter(encoding);
  let startedMs = performance.now();
  for (let at = 0; at < text.length; at += SLICE_UNITS) {
    counter.append(text.slice(at, at + SLICE_UNITS));
    if (performance.now() - startedMs < LOOP_SHARE_MS) continue;
    await nextLoopTurn();
    startedMs = performance.now();
  }
  return counter.total;
}
