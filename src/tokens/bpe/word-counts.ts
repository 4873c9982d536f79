const SPACE = 0x20;
/** A slice of more would keep the whole text alive that it was cut from (V8's `SlicedString::kMinLength` is 13). */
const MAX_UNITS = 12;
/** About a megabyte. */
const MAX_WORDS = 1 << 14;

const isLowerCase = (unit: number): boolean => unit >= 0x61 && unit <= 0x7a;

/** A space and lower-case ASCII letters: what most of the tokens of a prose in a Latin script are. */
export function isPlainWord(text: string): boolean {
  if (text.length < 2 || text.length > MAX_UNITS || text.charCodeAt(0) !== SPACE) return false;
  for (let at = 1; at < text.length; at += 1) if (!isLowerCase(text.charCodeAt(at))) return false;
  return true;
}

/** Whether a plain word is over before this unit, in all of the split patterns: no letter, mark or apostrophe may follow. */
export function endsPlainWord(unit: number): boolean {
  const isLetter = isLowerCase(unit | 0x20);
  return unit < 0x80 && !isLetter && unit !== 0x27;
}

/** Tokens of plain words that are pieces of their own, as they were counted before; of one vocabulary. */
export class WordCounts {
  readonly #tokensOf = new Map<string, number>();

  get(word: string): number | undefined {
    return this.#tokensOf.get(word);
  }

  set(word: string, tokens: number): void {
    if (this.#tokensOf.size >= MAX_WORDS) this.#tokensOf.clear();
    this.#tokensOf.set(word, tokens);
  }
}
