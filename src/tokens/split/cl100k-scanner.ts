import { CharClass } from './char-class.ts';
import { completesContraction, ContractionStep, contractionStep } from './contraction.ts';
import type { OpenTail } from './open-tail.ts';
import { BlankRun, type PieceScanner } from './piece-scanner.ts';

const SPACE = 0x20;
const APOSTROPHE = 0x27;
const MAX_DIGITS = 3;

const State = {
  start: 0,
  blanks: 1,
  word: 2,
  digits: 3,
  /** One character that is neither letter nor number: a letter makes it the head of a word. */
  head: 4,
  /** A head that may also open a contraction. */
  apostrophe: 5,
  contraction: 6,
  punctuation: 7,
  /** Newlines after punctuation belong to its piece. */
  newlines: 8,
} as const;
type State = (typeof State)[keyof typeof State];

const isLetter = (charClass: CharClass): boolean =>
  charClass === CharClass.lower || charClass === CharClass.upper || charClass === CharClass.caseless;

const isPunctuation = (charClass: CharClass): boolean => charClass === CharClass.other || charClass === CharClass.mark;

/**
 * `cl100k_base`:
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
export class Cl100kScanner implements PieceScanner {
  readonly #tail: OpenTail;
  readonly #blanks: BlankRun;
  #state: State = State.start;
  #awaited: ContractionStep = ContractionStep.none;
  #digits = 0;

  constructor(tail: OpenTail) {
    this.#tail = tail;
    this.#blanks = new BlankRun(tail, true);
  }

  step(codePoint: number, charClass: CharClass): void {
    if (this.#goesOn(codePoint, charClass)) return;
    this.#finish();
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
      case State.contraction:
        if (completesContraction(codePoint, this.#awaited, true)) {
          this.#tail.push(codePoint);
          this.#finish();
          return true;
        }
        return isLetter(charClass) && this.#pushAs(State.word, codePoint);
      case State.word:
        return isLetter(charClass) && this.#pushAs(State.word, codePoint);
      case State.digits:
        if (charClass !== CharClass.number) return false;
        this.#tail.push(codePoint);
        this.#digits += 1;
        if (this.#digits === MAX_DIGITS) this.#finish();
        return true;
      case State.apostrophe:
        this.#awaited = contractionStep(codePoint, true);
        if (this.#awaited !== ContractionStep.none) {
          this.#pushAs(State.contraction, codePoint);
          if (this.#awaited === ContractionStep.whole) this.#finish();
          return true;
        }
        return this.#goesOnAfterHead(codePoint, charClass);
      case State.head:
        return this.#goesOnAfterHead(codePoint, charClass);
      case State.punctuation:
        if (isPunctuation(charClass)) return this.#pushAs(State.punctuation, codePoint);
        return charClass === CharClass.newline && this.#pushAs(State.newlines, codePoint);
      case State.newlines:
        return charClass === CharClass.newline && this.#pushAs(State.newlines, codePoint);
      case State.blanks:
        return this.#goesOnAfterBlanks(codePoint, charClass);
    }
  }

  #goesOnAfterHead(codePoint: number, charClass: CharClass): boolean {
    if (isLetter(charClass)) return this.#pushAs(State.word, codePoint);
    if (isPunctuation(charClass)) return this.#pushAs(State.punctuation, codePoint);
    return charClass === CharClass.newline && this.#pushAs(State.newlines, codePoint);
  }

  #goesOnAfterBlanks(codePoint: number, charClass: CharClass): boolean {
    if (charClass === CharClass.space || charClass === CharClass.newline) {
      this.#blanks.push(codePoint, charClass);
      return true;
    }
    const blank = this.#blanks.end();
    if (blank === undefined) return false;
    if (isLetter(charClass)) return this.#pushAs(State.word, codePoint);
    return blank === SPACE && isPunctuation(charClass) && this.#pushAs(State.punctuation, codePoint);
  }

  #begin(codePoint: number, charClass: CharClass): void {
    if (charClass === CharClass.space || charClass === CharClass.newline) {
      this.#state = State.blanks;
      this.#blanks.start();
      this.#blanks.push(codePoint, charClass);
    } else if (charClass === CharClass.number) {
      this.#digits = 1;
      this.#pushAs(State.digits, codePoint);
    } else if (isLetter(charClass)) {
      this.#pushAs(State.word, codePoint);
    } else {
      this.#pushAs(codePoint === APOSTROPHE ? State.apostrophe : State.head, codePoint);
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
