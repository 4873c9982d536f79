import { CharClass } from './char-class.ts';
import { completesContraction, ContractionStep, contractionStep } from './contraction.ts';
import type { OpenTail } from './open-tail.ts';
import { BlankRun, type PieceScanner } from './piece-scanner.ts';

const SPACE = 0x20;
const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const MAX_DIGITS = 3;

const State = {
  start: 0,
  blanks: 1,
  /** Within `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*`: no lower-case letter yet. See `#pushUpper`. */
  upper: 2,
  /** Within `[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, after a lower-case letter. */
  lower: 3,
  digits: 4,
  /** One character that is no letter, mark or number: a letter or mark makes it the head of a word. */
  head: 5,
  /** A word and an apostrophe, with a border between. */
  apostrophe: 6,
  /** The same and the first letter of a contraction of two letters. */
  contraction: 7,
  punctuation: 8,
  /** `[\r\n/]*` after punctuation. */
  newlines: 9,
} as const;
type State = (typeof State)[keyof typeof State];

/**
 * `o200k_base`, with U for `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, W for `[\p{Ll}\p{Lm}\p{Lo}\p{M}]` and C for
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`:
 * `[^\r\n\p{L}\p{N}]?U*W+C|[^\r\n\p{L}\p{N}]?U+W*C|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
export class O200kScanner implements PieceScanner {
  readonly #tail: OpenTail;
  readonly #blanks: BlankRun;
  #state: State = State.start;
  #awaited: ContractionStep = ContractionStep.none;
  #contractionStartsUpper = false;
  #digits = 0;

  constructor(tail: OpenTail) {
    this.#tail = tail;
    this.#blanks = new BlankRun(tail, true);
  }

  step(codePoint: number, charClass: CharClass): void {
    if (this.#goesOn(codePoint, charClass)) return;
    this.#tail.finish();
    this.#begin(codePoint, charClass);
  }

  endAtSpace(): boolean {
    if (this.#state === State.blanks || this.#goesOn(SPACE, CharClass.space)) return false;
    this.#finish();
    return true;
  }

  totalWithReplacement(): number {
    switch (this.#state) {
      case State.blanks:
        return this.#blanks.totalWithReplacement();
      case State.head:
      case State.apostrophe:
      case State.punctuation:
        return this.#tail.totalIfReplacementJoins();
      default:
        return this.#tail.totalIfReplacementStandsApart();
    }
  }

  /** @returns false when the open piece ends before this character */
  #goesOn(codePoint: number, charClass: CharClass): boolean {
    switch (this.#state) {
      case State.start:
        return false;
      case State.upper:
        return this.#pushLetter(codePoint, charClass) || this.#endUpper(codePoint);
      case State.lower:
        if (charClass === CharClass.lower || charClass === CharClass.caseless || charClass === CharClass.mark) {
          return this.#pushAs(State.lower, codePoint);
        }
        return codePoint === APOSTROPHE && this.#pushApostrophe();
      case State.digits:
        if (charClass !== CharClass.number) return false;
        this.#digits += 1;
        this.#pushAs(State.digits, codePoint);
        if (this.#digits === MAX_DIGITS) this.#finish();
        return true;
      case State.head:
        return this.#pushLetter(codePoint, charClass) || this.#pushPunctuation(codePoint, charClass);
      case State.apostrophe:
      case State.contraction:
        return this.#goesOnAfterApostrophe(codePoint, charClass);
      case State.punctuation:
        // A mark within a run of punctuation is punctuation to this pattern.
        if (charClass === CharClass.mark) return this.#pushAs(State.punctuation, codePoint);
        return this.#pushPunctuation(codePoint, charClass);
      case State.newlines:
        return (charClass === CharClass.newline || codePoint === SLASH) && this.#pushAs(State.newlines, codePoint);
      case State.blanks:
        return this.#goesOnAfterBlanks(codePoint, charClass);
    }
  }

  /** A letter or mark at the start of a word, after its head, or while it has no lower-case letter. */
  #pushLetter(codePoint: number, charClass: CharClass): boolean {
    switch (charClass) {
      case CharClass.upper:
        return this.#pushAs(State.upper, codePoint);
      case CharClass.lower:
        // U* takes all so far and W+ begins here, so a border within the word is none.
        this.#tail.dropBorder();
        return this.#pushAs(State.lower, codePoint);
      case CharClass.caseless:
      case CharClass.mark:
        // In both U and W: if no lower-case letter follows, W+ gives up capitals after the last of these, and a piece
        // ends here ("中ABC" is two pieces, "中ABCd" one). The border keeps both readings.
        this.#tail.dropBorder();
        this.#pushAs(State.upper, codePoint);
        this.#tail.setBorder();
        return true;
      default:
        return false;
    }
  }

  #endUpper(codePoint: number): boolean {
    if (this.#tail.hasBorder) {
      if (this.#tail.isEmptyAfterBorder) this.#tail.dropBorder();
      else this.#tail.confirmBorder();
    }
    return codePoint === APOSTROPHE && this.#pushApostrophe();
  }

  #pushApostrophe(): true {
    this.#tail.setBorder();
    return this.#pushAs(State.apostrophe, APOSTROPHE);
  }

  #goesOnAfterApostrophe(codePoint: number, charClass: CharClass): boolean {
    if (this.#state === State.contraction) {
      if (completesContraction(codePoint, this.#awaited, true)) return this.#completeContraction(codePoint);
      this.#tail.confirmBorder();
      this.#state = this.#contractionStartsUpper ? State.upper : State.lower;
      return this.#goesOn(codePoint, charClass);
    }
    this.#awaited = contractionStep(codePoint, true);
    if (this.#awaited === ContractionStep.whole) return this.#completeContraction(codePoint);
    if (this.#awaited !== ContractionStep.none) {
      this.#contractionStartsUpper = charClass === CharClass.upper;
      return this.#pushAs(State.contraction, codePoint);
    }
    this.#tail.confirmBorder();
    this.#state = State.head;
    return this.#goesOn(codePoint, charClass);
  }

  #completeContraction(codePoint: number): true {
    this.#tail.dropBorder();
    this.#tail.push(codePoint);
    this.#finish();
    return true;
  }

  #pushPunctuation(codePoint: number, charClass: CharClass): boolean {
    if (charClass === CharClass.other) return this.#pushAs(State.punctuation, codePoint);
    return charClass === CharClass.newline && this.#pushAs(State.newlines, codePoint);
  }

  #goesOnAfterBlanks(codePoint: number, charClass: CharClass): boolean {
    if (charClass === CharClass.space || charClass === CharClass.newline) {
      this.#blanks.push(codePoint, charClass);
      return true;
    }
    const blank = this.#blanks.end();
    if (blank === undefined) return false;
    if (this.#pushLetter(codePoint, charClass)) return true;
    return blank === SPACE && charClass === CharClass.other && this.#pushAs(State.punctuation, codePoint);
  }

  #begin(codePoint: number, charClass: CharClass): void {
    if (charClass === CharClass.space || charClass === CharClass.newline) {
      this.#state = State.blanks;
      this.#blanks.start();
      this.#blanks.push(codePoint, charClass);
    } else if (charClass === CharClass.number) {
      this.#digits = 1;
      this.#pushAs(State.digits, codePoint);
    } else if (!this.#pushLetter(codePoint, charClass)) {
      this.#pushAs(State.head, codePoint);
    }
  }

  #pushAs(state: State, codePoint: number): true {
    this.#tail.push(codePoint);
    this.#state = state;
    return true;
  }

  #finish(): void {
    this.#tail.finish();
    this.#state = State.start;
  }
}
