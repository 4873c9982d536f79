import type { Clock, Timer } from '../lib/clock.ts';
import type { OrphanedSession, SharedStore } from '../store/contract.ts';

export interface UndertakerOptions {
  store: SharedStore;
  clock: Clock;
  everyMs: number;
  /** Whether a lease that ran out means that its node is dead; not just after the store was away. */
  isCertain(): boolean;
  /** Ends the turns of these sessions. */
  endOrphans(orphans: readonly OrphanedSession[]): Promise<number>;
  /** The sessions' turns are ended; tells those who follow them. */
  onEnded(dead: string, orphans: readonly OrphanedSession[], turns: number): void;
  onTrouble(error: unknown): void;
}

/** Looks for nodes whose lease ran out, and ends what they left; one node does that for each of them. */
export class Undertaker {
  readonly #options: UndertakerOptions;
  #timer: Timer | undefined;
  #stopped = false;
  #isLooking = false;
  #round: Promise<void> = Promise.resolve();

  constructor(options: UndertakerOptions) {
    this.#options = options;
  }

  start(): void {
    const jitter = 0.75 + Math.random() / 2;
    this.#timer = this.#options.clock.setTimer(() => this.#begin(), this.#options.everyMs * jitter);
  }

  /** Resolves when what it began is done: others leave a node that is being taken over to it for a while. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    return this.#round;
  }

  /** Looks now rather than at its time. */
  hurry(): void {
    if (this.#stopped || this.#isLooking) return;
    this.#timer?.cancel();
    this.#begin();
  }

  #begin(): void {
    this.#round = this.#look();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const { store, isCertain, endOrphans, onEnded, onTrouble } = this.#options;
    try {
      for (const dead of isCertain() ? await store.deadNodes() : []) {
        if (this.#stopped) return;
        if (!isCertain()) break;
        const orphans = await store.takeOver(dead);
        if (orphans === undefined) continue;
        const turns = await endOrphans(orphans);
        await store.buried(dead);
        onEnded(dead, orphans, turns);
      }
    } catch (error) {
      onTrouble(error);
    }
    this.#isLooking = false;
    if (!this.#stopped) this.start();
  }
}
