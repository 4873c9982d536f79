import type { CharClass } from './char-class.ts';
import { completesContraction, ContractionStep, contractionStep } from './contraction.ts';
import type { OpenTail } from './open-tail.ts';
import { BlankRun, type PieceScanner } from './piece-scanner.ts';

const SPACE = 0x20;
const APOSTROPHE = 0x27;

const State = { start: 0, blanks: 1, letters: 2, numbers: 3, punctuation: 4, apostrophe: 5, contraction: 6 } as const;
type State = (typeof State)[keyof typeof State];

/** What a visible character begins or goes on with, apart from the apostrophe. */
const STATE_OF_CLASS: readonly State[] = [
  State.punctuation,
  State.letters,
  State.letters,
  State.letters,
  State.punctuation,
  State.numbers,
  State.blanks,
  State.blanks,
];

/**
 * `r50k_base` and `p50k_base`:
 * `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
 */
export class Gpt2Scanner implements PieceScanner {
  readonly #tail: OpenTail;
  readonly #blanks: BlankRun;
  #state: State = State.start;
  #awaited: ContractionStep = ContractionStep.none;

  constructor(tail: OpenTail) {
    this.#tail = tail;
    this.#blanks = new BlankRun(tail, false);
  }

  step(codePoint: number, charClass: CharClass): void {
    const tail = this.#tail;
    const kind = STATE_OF_CLASS[charClass] as State;
    if (this.#state === State.contraction) {
      if (completesContraction(codePoint, this.#awaited, false)) {
        tail.dropBorder();
        tail.push(codePoint);
        this.#finish();
        return;
      }
      tail.confirmBorder();
      this.#state = State.letters;
    }
    switch (this.#state) {
      case State.blanks:
        if (kind === State.blanks) {
          this.#blanks.push(codePoint, charClass);
          return;
        }
        if (this.#blanks.end() === SPACE) {
          tail.push(codePoint);
          this.#state = kind;
          return;
        }
        break;
      case State.apostrophe:
        if (this.#goesOnAfterApostrophe(codePoint, kind)) return;
        break;
      case State.start:
        break;
      default:
        if (kind === this.#state) {
          tail.push(codePoint);
          return;
        }
    }
    this.#finish();
    this.#begin(codePoint, charClass, kind);
  }

  endAtSpace(): boolean {
    if (this.#state === State.blanks) return false;
    if (this.#state === State.contraction) this.#tail.confirmBorder();
    this.#finish();
    return true;
  }

  totalWithReplacement(): number {
    switch (this.#state) {
      case State.blanks:
        return this.#blanks.totalWithReplacement();
      case State.punctuation:
      case State.apostrophe:
        return this.#tail.totalIfReplacementJoins();
      default:
        return this.#tail.totalIfReplacementStandsApart();
    }
  }

  #goesOnAfterApostrophe(codePoint: number, kind: State): boolean {
    if (kind === State.punctuation) {
      this.#tail.push(codePoint);
      this.#state = State.punctuation;
      return true;
    }
    this.#awaited = contractionStep(codePoint, false);
    if (this.#awaited === ContractionStep.none) return false;
    if (this.#awaited === ContractionStep.whole) {
      this.#tail.push(codePoint);
      this.#finish();
      return true;
    }
    // Unless it gets its second letter, the apostrophe stands alone and a word begins after it.
    this.#tail.setBorder();
    this.#tail.push(codePoint);
    this.#state = State.contraction;
    return true;
  }

  #begin(codePoint: number, charClass: CharClass, kind: State): void {
    this.#state = codePoint === APOSTROPHE ? State.apostrophe : kind;
    if (kind === State.blanks) {
      this.#blanks.start();
      this.#blanks.push(codePoint, charClass);
    } else {
      this.#tail.push(codePoint);
    }
  }

  #finish(): void {
    this.#tail.finish();
    this.#state = State.start;
  }
}
