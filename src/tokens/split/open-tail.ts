import { PrefixEncoder } from '../bpe/prefix-encoder.ts';
import type { Vocabulary } from '../bpe/vocabulary.ts';
import { pushUtf8, REPLACEMENT, utf8Length } from './utf8.ts';

/**
 * The end of the text whose pieces are not final yet, and the count of all before it.
 *
 * In every state of the split patterns the open end is either one piece, or two with one border whose fate is open:
 * what comes next may confirm it or merge both sides. Both readings are encoded side by side, so neither outcome has
 * to look at the text again.
 */
export class OpenTail {
  #finishedTokens = 0;
  /** From the start of the tail to its end. */
  #whole: PrefixEncoder;
  /** From the open border to the end. */
  #afterBorder: PrefixEncoder;
  #hasBorder = false;
  #tokensBeforeBorder = 0;
  /** Only texts cut within a surrogate pair need it. */
  #scratch: PrefixEncoder | undefined;
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#whole = new PrefixEncoder(vocabulary);
    this.#afterBorder = new PrefixEncoder(vocabulary);
  }

  get hasBorder(): boolean {
    return this.#hasBorder;
  }

  get isEmptyAfterBorder(): boolean {
    return this.#afterBorder.byteLength === 0;
  }

  /** Tokens of all the text, if it ended here. */
  get totalTokens(): number {
    const openTokens = this.#hasBorder
      ? this.#tokensBeforeBorder + this.#afterBorder.tokenCount
      : this.#whole.tokenCount;
    return this.#finishedTokens + openTokens;
  }

  /** See {@link PrefixEncoder.workSteps}. */
  get workSteps(): number {
    return this.#whole.workSteps + this.#afterBorder.workSteps;
  }

  push(codePoint: number): void {
    pushUtf8(this.#whole, codePoint);
    if (this.#hasBorder) pushUtf8(this.#afterBorder, codePoint);
  }

  /** The tail as it stands is one final piece; the next character starts another. */
  finish(): void {
    this.#finishedTokens += this.#whole.tokenCount;
    this.#whole.reset();
    this.#hasBorder = false;
  }

  /** A final piece that was counted elsewhere; the tail is empty. */
  addFinished(tokens: number): void {
    this.#finishedTokens += tokens;
  }

  /** The tail without its last character is one final piece; that character starts the next. */
  finishBeforeLast(lastCodePoint: number): void {
    this.#finishedTokens += this.#whole.tokenCountWithout(utf8Length(lastCodePoint));
    this.#whole.reset();
    pushUtf8(this.#whole, lastCodePoint);
  }

  /** Opens a border at the end, in place of an earlier one. */
  setBorder(): void {
    this.#hasBorder = true;
    this.#tokensBeforeBorder = this.#whole.tokenCount;
    this.#afterBorder.reset();
  }

  /** The border is none: both sides are one piece. */
  dropBorder(): void {
    this.#hasBorder = false;
  }

  /** The border is one: the tail now begins after it. */
  confirmBorder(): void {
    this.#finishedTokens += this.#tokensBeforeBorder;
    const spare = this.#whole;
    this.#whole = this.#afterBorder;
    this.#afterBorder = spare;
    this.#hasBorder = false;
  }

  /** Total if U+FFFD came next and joined the open piece. */
  totalIfReplacementJoins(): number {
    const encoder = this.#hasBorder ? this.#afterBorder : this.#whole;
    const before = encoder.tokenCount;
    pushUtf8(encoder, REPLACEMENT);
    const added = encoder.tokenCount - before;
    encoder.removeLast(utf8Length(REPLACEMENT));
    return this.totalTokens + added;
  }

  /** Total if U+FFFD came next as a piece of its own. */
  totalIfReplacementStandsApart(): number {
    return this.totalTokens + this.#tokensOfPiece(REPLACEMENT);
  }

  /** Total if U+FFFD came next and cut off the last character, in one piece with it or in two. */
  totalIfReplacementCutsLast(lastCodePoint: number, inOnePiece: boolean): number {
    const encoder = this.#hasBorder ? this.#afterBorder : this.#whole;
    const kept = this.totalTokens - encoder.tokenCount + encoder.tokenCountWithout(utf8Length(lastCodePoint));
    return inOnePiece
      ? kept + this.#tokensOfPiece(lastCodePoint, REPLACEMENT)
      : kept + this.#tokensOfPiece(lastCodePoint) + this.#tokensOfPiece(REPLACEMENT);
  }

  #tokensOfPiece(...codePoints: number[]): number {
    this.#scratch ??= new PrefixEncoder(this.#vocabulary);
    this.#scratch.reset();
    for (const codePoint of codePoints) pushUtf8(this.#scratch, codePoint);
    return this.#scratch.tokenCount;
  }
}
