/** Checks that fail in a row before an upstream is taken for ill: one may have met a restart. */
const failuresToFall = 2;

/** What health checks say of an upstream, for all its targets. Without checks it is well. */
export class UpstreamHealth {
  #failures = 0;

  get isWell(): boolean {
    return this.#failures < failuresToFall;
  }

  /** Answers whether that changes what is thought of it. */
  checked(isGood: boolean): boolean {
    const wasWell = this.isWell;
    this.#failures = isGood ? 0 : this.#failures + 1;
    return wasWell !== this.isWell;
  }
}
