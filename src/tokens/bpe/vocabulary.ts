import { PairValidity } from './pair-validity.ts';
import { parseRankFile } from './rank-file.ts';
import { buildTokenTrie, type TokenTrie } from './token-trie.ts';
import { WordCounts } from './word-counts.ts';

/** A byte-pair vocabulary prepared for {@link PrefixEncoder}; shared by all counters of a process. */
export interface Vocabulary {
  readonly trie: Omit<TokenTrie, 'nodeOf' | 'parentOf'>;
  readonly pairs: PairValidity;
  /** What counters found out about it. */
  readonly words: WordCounts;
}

/** @param bpeRanks the text of tiktoken's `bpe_ranks`; @throws {RangeError} when a token cannot be reached by merges */
export function buildVocabulary(bpeRanks: string): Vocabulary {
  const { tokenBytes, byteLengthOf } = parseRankFile(bpeRanks);
  const { nodeOf, parentOf, ...trie } = buildTokenTrie(tokenBytes, byteLengthOf);
  const pairs = new PairValidity(trie.tokenCount);
  const prefixTokenOfLength = new Int32Array(trie.maxTokenBytes);

  for (let token = 0; token < trie.tokenCount; token += 1) {
    const byteLength = byteLengthOf[token] as number;
    if (byteLength === 1) continue;
    let node = nodeOf[token] as number;
    for (let length = byteLength - 1; length > 0; length -= 1) {
      node = parentOf[node] as number;
      const candidate = trie.longestTokenAt[node] as number;
      prefixTokenOfLength[length] = byteLengthOf[candidate] === length ? candidate : -1;
    }
    let right = trie.shorterSuffixOf[token] as number;
    for (; right !== -1; right = trie.shorterSuffixOf[right] as number) {
      const left = prefixTokenOfLength[byteLength - (byteLengthOf[right] as number)] as number;
      // Of all ways to cut the token in two, its last merge is the one whose halves stand side by side in an encoding.
      if (left !== -1 && left < token && right < token && pairs.undoMerges(left, right)) {
        pairs.addMerge(left, right, token);
        break;
      }
    }
    if (right === -1) throw new RangeError(`token ${token} is not reached by merges of lower rank`);
  }
  return { trie, pairs, words: new WordCounts() };
}
