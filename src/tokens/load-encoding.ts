import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { buildVocabulary, type Vocabulary } from './bpe/vocabulary.ts';
import type { EncodingName } from './encoding.ts';

const require = createRequire(import.meta.url);
const loaded = new Map<EncodingName, Vocabulary>();

/** The prepared vocabulary of an encoding, built from tiktoken's rank files on first use and kept for the process. */
export function vocabularyOf(encoding: EncodingName): Vocabulary {
  let vocabulary = loaded.get(encoding);
  if (vocabulary === undefined) {
    // Read rather than required: the module cache would keep megabytes of text that is needed once.
    const file: unknown = JSON.parse(readFileSync(require.resolve(`tiktoken/encoders/${encoding}.json`), 'utf8'));
    vocabulary = buildVocabulary((file as { bpe_ranks: string }).bpe_ranks);
    loaded.set(encoding, vocabulary);
  }
  return vocabulary;
}

/**
 * Loads an encoding ahead of its first use, so that no request waits for it. Blocks for some 0.15 s (`o200k_base`; the
 * older encodings for less) and keeps some 21 MB; later calls cost nothing.
 */
export function loadEncoding(encoding: EncodingName): void {
  vocabularyOf(encoding);
}
