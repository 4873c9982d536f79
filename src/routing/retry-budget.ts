/** Retries that are always possible, so that a quiet gateway retries at all. */
const reserve = 10;
/** Share of the calls that may be retries beyond that. */
const share = 0.2;

/**
 * Keeps retries a bounded part of the traffic of an upstream, so that they cannot multiply an outage
 * (https://sre.google/sre-book/addressing-cascading-failures/).
 */
export class RetryBudget {
  #tokens = reserve;

  /** A call was made that is no retry. */
  called(): void {
    this.#tokens = Math.min(reserve, this.#tokens + share);
  }

  /** Whether a retry may be made; if so it is taken from the budget. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
