import type { Clock, Timer } from '../lib/clock.ts';

/** The timers of one turn by name; setting one again replaces it. */
export class TurnTimers {
  readonly #clock: Clock;
  readonly #timers = new Map<string, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(name: string, delayMs: number, callback: () => void): void {
    this.cancel(name);
    this.#timers.set(name, this.#clock.setTimer(callback, delayMs));
  }

  cancel(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  cancelAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
