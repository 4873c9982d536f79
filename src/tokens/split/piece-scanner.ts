import { CharClass } from './char-class.ts';
import type { OpenTail } from './open-tail.ts';

const SPACE = 0x20;

/**
 * Walks the text by the split pattern of one family of encodings and tells the tail which borders between pieces are
 * final. A scanner is the pattern written out as a state machine; each file quotes its pattern.
 */
export interface PieceScanner {
  step(codePoint: number, charClass: CharClass): void;
  /** Ends the open piece where a space comes next; answers false, and does nothing, where the space would go on with it. */
  endAtSpace(): boolean;
  /** Total if U+FFFD came next: the reading of a text that ends within a surrogate pair. Changes nothing. */
  totalWithReplacement(): number;
}

/**
 * The part all patterns share: `\s*[\r\n]+|\s+(?!\S)|\s+`, which leaves the last blank of a run to what follows.
 * Where the pattern knows newlines, the tail has a border after the last one, and the run meant here begins there.
 */
export class BlankRun {
  readonly #tail: OpenTail;
  readonly #newlinesEndPieces: boolean;
  #length = 0;
  #lastBlank = 0;

  constructor(tail: OpenTail, newlinesEndPieces: boolean) {
    this.#tail = tail;
    this.#newlinesEndPieces = newlinesEndPieces;
  }

  start(): void {
    this.#length = 0;
  }

  push(codePoint: number, charClass: CharClass): void {
    this.#tail.push(codePoint);
    if (this.#newlinesEndPieces && charClass === CharClass.newline) {
      this.#tail.setBorder();
      this.#length = 0;
    } else {
      this.#length += 1;
      this.#lastBlank = codePoint;
    }
  }

  /**
   * Something visible follows: finishes the run up to its last blank, which is then alone in the tail.
   * @returns that blank, or undefined when the run ended in a newline and the tail is empty
   */
  end(): number | undefined {
    if (this.#tail.hasBorder) this.#tail.confirmBorder();
    if (this.#length === 0) return undefined;
    if (this.#length > 1) this.#tail.finishBeforeLast(this.#lastBlank);
    return this.#lastBlank;
  }

  totalWithReplacement(): number {
    if (this.#length === 0) return this.#tail.totalIfReplacementStandsApart();
    return this.#tail.totalIfReplacementCutsLast(this.#lastBlank, this.#lastBlank === SPACE);
  }
}
