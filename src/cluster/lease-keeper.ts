import type { Clock, Timer } from '../lib/clock.ts';
import type { SharedStore } from '../store/contract.ts';

export interface LeaseKeeperOptions {
  store: SharedStore;
  clock: Clock;
  ttlMs: number;
  /** The store was there just now. */
  onRenewed?(): void;
  /** Another node took over: this node must not say another word. */
  onLost(): void;
  onTrouble(error: unknown): void;
}

/** After a renewal that failed, milliseconds: who comes back late may find itself buried. */
const retryMs = 200;

/** After the store was away, other nodes have this long to come back: one that was cut off notices that by timeouts. */
const returnMs = 3_000;

/**
 * Keeps this node's lease in the store, renewed three times within its life. While the store is away nobody can renew,
 * so a lease may have run out when it is back; its node gets it back unless another one buried it. So that none does,
 * a node buries others only when its own renewals went through for a while (`steady`).
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #timer: Timer | undefined;
  #renewedMs = 0;
  #steadySinceMs = 0;
  #wasAway = false;
  #renewing = false;
  #stopped = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#options.store.joinNodes(this.#options.ttlMs);
    this.#renewedMs = this.#options.clock.now();
    this.#steadySinceMs = this.#renewedMs;
    this.#schedule(this.#options.ttlMs / 3);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /**
   * Perhaps another server answers now, which knows only old renewals: nobody is dead because of that, and this node's
   * lease is renewed at once.
   */
  returned(): void {
    if (this.#stopped) return;
    this.#away(this.#options.clock.now());
    if (this.#renewing) return;
    this.#timer?.cancel();
    this.#schedule(0);
  }

  /** The store said so in another answer. */
  lost(): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.onLost();
  }

  /** Whether the store was surely there lately, so that a lease which ran out is its node's own failure. */
  get steady(): boolean {
    const { clock, ttlMs } = this.#options;
    const nowMs = clock.now();
    return !this.#isLate(nowMs) && nowMs - this.#steadySinceMs >= (this.#wasAway ? Math.max(ttlMs, returnMs) : ttlMs);
  }

  #isLate(nowMs: number): boolean {
    return nowMs - this.#renewedMs > (this.#options.ttlMs * 2) / 3;
  }

  #away(nowMs: number): void {
    this.#steadySinceMs = nowMs;
    this.#wasAway = true;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(() => void this.#renew(), delayMs);
  }

  async #renew(): Promise<void> {
    const { store, clock, ttlMs, onTrouble } = this.#options;
    let delayMs = ttlMs / 3;
    this.#renewing = true;
    try {
      if (!(await store.renewLease(ttlMs))) return this.lost();
      const nowMs = clock.now();
      if (this.#isLate(nowMs)) this.#away(nowMs);
      this.#renewedMs = nowMs;
      this.#options.onRenewed?.();
    } catch (error) {
      // whether it still stands is for the store to say: it refuses the appends of a node that was buried
      onTrouble(error);
      this.#away(clock.now());
      delayMs = Math.min(delayMs, retryMs);
    }
    this.#renewing = false;
    if (!this.#stopped) this.#schedule(delayMs);
  }
}
