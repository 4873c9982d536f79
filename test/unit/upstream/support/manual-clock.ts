import type { Clock, Timer } from '../../../../src/lib/clock.ts';

interface Pending {
  dueMs: number;
  callback: () => void;
}

/** Time that passes only when it is told to. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #pending = new Set<Pending>();
  /** Timers set so far, to show that life costs none. */
  timersSet = 0;

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    this.timersSet += 1;
    const pending = { dueMs: this.#nowMs + delayMs, callback };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  get pending(): number {
    return this.#pending.size;
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

  /** Time jumps, as after the process was stopped: what became due in between runs late. */
  jump(byMs: number): void {
    this.#nowMs += byMs;
    this.advance(0);
  }
}
