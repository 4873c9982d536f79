import { childSlot } from './token-trie.ts';
import type { Vocabulary } from './vocabulary.ts';

const ROOT = 0;
const FIRST_CAPACITY = 32;

/**
 * Counts the tokens of a growing run of bytes (one piece of the split text), exact after every byte and linear.
 *
 * The encoding of a prefix is the encoding of a shorter prefix plus one last token. That last token is the only one,
 * of all tokens that end here, that may stand beside the last token of the shorter prefix (see {@link PairValidity}).
 * So each byte needs the tokens ending at it, which an Aho-Corasick automaton lists, and the last token some bytes back;
 * nothing older than the longest token is ever asked for, which keeps the memory of a run of any length constant.
 */
export class PrefixEncoder {
  /** Bytes pushed, automaton steps and token candidates tried so far: what the time spent is proportional to. */
  workSteps = 0;
  /** Length in bytes of the run. */
  byteLength = 0;

  readonly #trie: Vocabulary['trie'];
  readonly #pairs: Vocabulary['pairs'];
  /** A ring once it has its full size; small until a run gets long, as most counters never see one. */
  readonly #fullCapacity: number;
  #mask = FIRST_CAPACITY - 1;
  /** Per position (bytes from the start, modulo capacity): tokens up to here, last token, automaton node. */
  #countAt = new Int32Array(FIRST_CAPACITY);
  #lastTokenAt = new Int32Array(FIRST_CAPACITY);
  #nodeAt = new Int32Array(FIRST_CAPACITY);

  constructor(vocabulary: Vocabulary) {
    this.#trie = vocabulary.trie;
    this.#pairs = vocabulary.pairs;
    // Twice the longest token leaves room to go back by a character after the ring has wrapped.
    this.#fullCapacity = 1 << (32 - Math.clz32(vocabulary.trie.maxTokenBytes * 2 - 1));
  }

  /** Tokens of the whole run. */
  get tokenCount(): number {
    return this.byteLength === 0 ? 0 : (this.#countAt[this.byteLength & this.#mask] as number);
  }

  /** Tokens of the run without its last bytes; at most one character back. */
  tokenCountWithout(lastBytes: number): number {
    const position = this.byteLength - lastBytes;
    return position <= 0 ? 0 : (this.#countAt[position & this.#mask] as number);
  }

  reset(): void {
    this.byteLength = 0;
  }

  /** Takes back the last bytes; at most one character. */
  removeLast(lastBytes: number): void {
    this.byteLength -= lastBytes;
  }

  push(byte: number): void {
    const { children, childMask, suffixNodeOf, longestTokenAt, shorterSuffixOf, byteLengthOf } = this.#trie;
    const before = this.byteLength;
    const position = before + 1;
    if (position > this.#mask && this.#mask + 1 < this.#fullCapacity) this.#grow();
    const mask = this.#mask;
    let steps = 1;

    let node = before === 0 ? ROOT : (this.#nodeAt[before & mask] as number);
    let slot = childSlot(children, childMask, node, byte);
    while (children[slot] === -1) {
      node = suffixNodeOf[node] as number;
      slot = childSlot(children, childMask, node, byte);
      steps += 1;
    }
    node = children[slot + 1] as number;

    let token = longestTokenAt[node] as number;
    let count = 1;
    for (;;) {
      const start = position - (byteLengthOf[token] as number);
      if (start === 0) break;
      if (this.#pairs.isValid(this.#lastTokenAt[start & mask] as number, token)) {
        count = (this.#countAt[start & mask] as number) + 1;
        break;
      }
      token = shorterSuffixOf[token] as number;
      steps += 1;
    }

    this.byteLength = position;
    this.#countAt[position & mask] = count;
    this.#lastTokenAt[position & mask] = token;
    this.#nodeAt[position & mask] = node;
    this.workSteps += steps;
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2;
    const widen = (cells: Int32Array): Int32Array<ArrayBuffer> => {
      const wider = new Int32Array(capacity);
      wider.set(cells);
      return wider;
    };
    this.#countAt = widen(this.#countAt);
    this.#lastTokenAt = widen(this.#lastTokenAt);
    this.#nodeAt = widen(this.#nodeAt);
    this.#mask = capacity - 1;
  }
}
