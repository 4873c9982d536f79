import type { ClientClock, ClientTimer } from '../../../../clients/shared/environment.ts';

interface Pending {
  dueMs: number;
  callback: () => void;
}

/** Time that passes only when it is told to. */
export class ManualClock implements ClientClock {
  #nowMs = 0;
  readonly #pending = new Set<Pending>();

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): ClientTimer {
    const pending = { dueMs: this.#nowMs + delayMs, callback };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** Milliseconds until each timer that is set, shortest first. */
  get delays(): number[] {
    return [...this.#pending].map(({ dueMs }) => dueMs - this.#nowMs).toSorted((a, b) => a - b);
  }

  /** Runs what is due, each at its own time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = [...this.#pending].filter((one) => one.dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}
