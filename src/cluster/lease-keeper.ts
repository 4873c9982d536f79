import type { Clock, Timer } from '../lib/clock.ts';
import type { SharedStore } from '../store/contract.ts';

export interface LeaseKeeperOptions {
  store: SharedStore;
  clock: Clock;
  ttlMs: number;
  /** The lease ran out, or may have: this node must not say another word. */
  onLost(): void;
  onTrouble(error: unknown): void;
}

/** Keeps this node's lease in the store, renewed three times within its life. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #timer: Timer | undefined;
  #renewedMs = 0;
  #stopped = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#options.store.joinNodes(this.#options.ttlMs);
    this.#renewedMs = this.#options.clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** The store said so in another answer. */
  lost(): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.onLost();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(() => void this.#renew(), this.#options.ttlMs / 3);
  }

  async #renew(): Promise<void> {
    const { store, clock, ttlMs, onTrouble } = this.#options;
    const askedMs = clock.now();
    try {
      if (!(await store.renewLease(ttlMs))) return this.lost();
      this.#renewedMs = askedMs;
    } catch (error) {
      // whether it still stands is for the store to say: it refuses the appends of a node that lost it
      onTrouble(error);
    }
    if (!this.#stopped) this.#schedule();
  }

  /** Milliseconds since the lease was surely held. */
  get ageMs(): number {
    return this.#options.clock.now() - this.#renewedMs;
  }
}
