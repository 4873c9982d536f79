import type { Vocabulary } from './bpe/vocabulary.ts';
import { endsPlainWord, isPlainWord, type WordCounts } from './bpe/word-counts.ts';
import type { EncodingName } from './encoding.ts';
import { CharClass, charClassTable } from './split/char-class.ts';
import { Cl100kScanner } from './split/cl100k-scanner.ts';
import { Gpt2Scanner } from './split/gpt2-scanner.ts';
import { O200kScanner } from './split/o200k-scanner.ts';
import { OpenTail } from './split/open-tail.ts';
import type { PieceScanner } from './split/piece-scanner.ts';
import { REPLACEMENT } from './split/utf8.ts';

const SCANNER_OF: Readonly<Record<EncodingName, new (tail: OpenTail) => PieceScanner>> = {
  o200k_base: O200kScanner,
  cl100k_base: Cl100kScanner,
  p50k_base: Gpt2Scanner,
  r50k_base: Gpt2Scanner,
};

const NO_UNIT = 0;

/** The counter behind `createTokenCounter`; the scanner finds the pieces, the tail encodes the open one. */
export class IncrementalTokenCounter {
  readonly #tail: OpenTail;
  readonly #scanner: PieceScanner;
  readonly #classOf = charClassTable();
  readonly #words: WordCounts;
  /** A plain word at the end of the text whose tokens are known; it is stepped through only where it goes on. */
  #word: string | undefined;
  #wordTokens = 0;
  /** A high surrogate at the end of the text, which the next append may complete. */
  #openSurrogate = NO_UNIT;
  #total = 0;

  constructor(encoding: EncodingName, vocabulary: Vocabulary) {
    this.#tail = new OpenTail(vocabulary);
    this.#words = vocabulary.words;
    this.#scanner = new SCANNER_OF[encoding](this.#tail);
  }

  get total(): number {
    return this.#total;
  }

  /** Steps of the encoder so far; a measure of the work that does not depend on the machine. */
  get workSteps(): number {
    return this.#tail.workSteps;
  }

  append(text: string): number {
    if (text.length === 0) return this.#total;
    if (this.#word !== undefined) this.#leaveWord(endsPlainWord(text.charCodeAt(0)));
    if (isPlainWord(text) && this.#openSurrogate === NO_UNIT && this.#scanner.endAtSpace()) {
      this.#total = this.#takeWord(text);
      return this.#total;
    }
    this.#steps(text);
    this.#total = this.#openSurrogate === NO_UNIT ? this.#tail.totalTokens : this.#scanner.totalWithReplacement();
    return this.#total;
  }

  /** A plain word that is a piece of its own, as far as it goes; answers the total. */
  #takeWord(text: string): number {
    const before = this.#tail.totalTokens;
    const known = this.#words.get(text);
    if (known !== undefined) {
      this.#word = text;
      this.#wordTokens = known;
      return before + known;
    }
    this.#steps(text);
    const total = this.#tail.totalTokens;
    this.#words.set(text, total - before);
    return total;
  }

  #leaveWord(isOver: boolean): void {
    const word = this.#word!;
    this.#word = undefined;
    if (isOver) this.#tail.addFinished(this.#wordTokens);
    else this.#steps(word);
  }

  #steps(text: string): void {
    const scanner = this.#scanner;
    const classOf = this.#classOf;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if ((unit & 0xf800) === 0xd800 || this.#openSurrogate !== NO_UNIT) this.#stepSurrogate(unit);
      else scanner.step(unit, classOf[unit] as CharClass);
    }
  }

  /** A surrogate, or any unit after a high one. */
  #stepSurrogate(unit: number): void {
    const high = this.#openSurrogate;
    this.#openSurrogate = NO_UNIT;
    const isLow = (unit & 0xfc00) === 0xdc00;
    if (high !== NO_UNIT && isLow) {
      const codePoint = 0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff);
      this.#scanner.step(codePoint, this.#classOf[codePoint] as CharClass);
      return;
    }
    if (high !== NO_UNIT) this.#scanner.step(REPLACEMENT, CharClass.other);
    if ((unit & 0xfc00) === 0xd800) this.#openSurrogate = unit;
    else if (isLow) this.#scanner.step(REPLACEMENT, CharClass.other);
    else this.#scanner.step(unit, this.#classOf[unit] as CharClass);
  }
}
