import type { EncodingName } from './encoding.ts';
import { IncrementalTokenCounter } from './incremental-token-counter.ts';
import { vocabularyOf } from './load-encoding.ts';

/** Counts the tokens of a text that arrives in parts. */
export interface TokenCounter {
  /**
   * Adds a part, which may be cut anywhere, also within a surrogate pair. Time is proportional to its length.
   * @returns the running total
   */
  append(text: string): number;
  /**
   * Tokens of the whole text so far, exactly as tiktoken's `encode_ordinary` would count it in one go: text that
   * spells a special token is ordinary text, and a lone surrogate counts as U+FFFD.
   */
  readonly total: number;
}

/** Loads the encoding when it is the first to use it; see `loadEncoding`. */
export function createTokenCounter(encoding: EncodingName): TokenCounter {
  return new IncrementalTokenCounter(encoding, vocabularyOf(encoding));
}
