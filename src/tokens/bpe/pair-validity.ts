const UNKNOWN = -1;
const CACHE_SLOTS = 1 << 15;

/**
 * Which two tokens may stand side by side in a byte-pair encoding.
 *
 * A sequence of tokens is the encoding of its bytes exactly when every neighbouring pair is the encoding of that pair's
 * bytes: merges never look further than the two tokens they join. This is the theorem behind the `bpe` crate of
 * github/rust-gems; `undoMerges` follows its `is_valid_token_pair`. It holds for vocabularies in which every token is
 * reached by merging two tokens of lower rank, which is true of the four encodings here (and checked while building).
 */
export class PairValidity {
  /** Open addressing over (left, right); a slot holds the merged token, whose halves are compared for the match. */
  readonly #mergedSlots: Int32Array;
  readonly #mergedMask: number;
  /** Halves of each token's last merge; a single byte has itself as both halves. */
  readonly #leftOf: Int32Array;
  readonly #rightOf: Int32Array;
  /** Direct-mapped memory of answers: left, then right * 2 + answer. One run asks for the same few pairs again. */
  readonly #answers = new Int32Array(CACHE_SLOTS * 2).fill(UNKNOWN);

  constructor(tokenCount: number) {
    const slots = 1 << (32 - Math.clz32(tokenCount * 2));
    this.#mergedSlots = new Int32Array(slots).fill(UNKNOWN);
    this.#mergedMask = slots - 1;
    this.#leftOf = new Int32Array(tokenCount).map((_, token) => token);
    this.#rightOf = this.#leftOf.slice();
  }

  /** Tokens must be added in the order of their ranks. */
  addMerge(left: number, right: number, merged: number): void {
    this.#leftOf[merged] = left;
    this.#rightOf[merged] = right;
    let slot = this.#mergedSlot(left, right);
    while (this.#mergedSlots[slot] !== UNKNOWN) slot = (slot + 1) & this.#mergedMask;
    this.#mergedSlots[slot] = merged;
  }

  /** True when encoding the bytes of both tokens in one piece gives these two tokens again. */
  isValid(left: number, right: number): boolean {
    const slot = ((Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 17) << 1;
    const answers = this.#answers;
    if (answers[slot] === left) {
      const known = answers[slot + 1] as number;
      if (known >> 1 === right) return (known & 1) === 1;
    }
    const valid = this.undoMerges(left, right);
    answers[slot] = left;
    answers[slot + 1] = right * 2 + (valid ? 1 : 0);
    return valid;
  }

  /** Takes the merges back from the latest on, looking for one across the border that would have come first. */
  undoMerges(left: number, right: number): boolean {
    let rankLimit = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const merged = this.#mergedOf(left, right);
      if (merged !== UNKNOWN && merged < rankLimit) return false;
      let splitLeft = left > right;
      // A single byte has no merge to take back, then it is the other side's turn; two single bytes end the search.
      if (splitLeft && this.#rightOf[left] === left) splitLeft = false;
      else if (!splitLeft && this.#leftOf[right] === right) splitLeft = true;
      if (splitLeft) {
        const half = this.#rightOf[left] as number;
        if (half === left) return true;
        rankLimit = left;
        left = half;
      } else {
        const half = this.#leftOf[right] as number;
        if (half === right) return true;
        // On equal rank the leftmost merge comes first, and the one across the border is the one further left.
        rankLimit = right + 1;
        right = half;
      }
    }
  }

  #mergedOf(left: number, right: number): number {
    let slot = this.#mergedSlot(left, right);
    for (;;) {
      const merged = this.#mergedSlots[slot] as number;
      if (merged === UNKNOWN || (this.#leftOf[merged] === left && this.#rightOf[merged] === right)) return merged;
      slot = (slot + 1) & this.#mergedMask;
    }
  }

  #mergedSlot(left: number, right: number): number {
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0xc2b2ae35);
    return (mixed ^ (mixed >>> 15)) & this.#mergedMask;
  }
}
