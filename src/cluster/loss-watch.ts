import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { SharedStore } from '../store/contract.ts';
import { LeaseLostError } from '../store/store-error.ts';

export interface LossWatchOptions {
  store: SharedStore;
  clock: Clock;
  /** Another generation of the data holds: what this node knows of sessions may be wrong. Repeated when it fails. */
  onGeneration(generation: string): Promise<void>;
  onLeaseLost(): void;
  onTrouble(error: unknown): void;
}

/** A look that failed is repeated after this, milliseconds. */
const againMs = 100;

/** Longest wait of an attach for a look, milliseconds. */
const waitMs = 5_000;

/**
 * Finds out when the store lost what it had acknowledged. Whenever the store may be another one than before, this node
 * looks whether everything is there that it knows of; if not, it ends the generation. Every node that learns of another
 * generation begins anew with what is left, and what clients hold of before is void: the generation is part of the epoch.
 */
export class LossWatch {
  readonly #options: LossWatchOptions;
  #generation = '';
  /** The generation that `onGeneration` has dealt with. */
  #adopted = '';
  #isLost = false;
  #isDue = false;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: LossWatchOptions) {
    this.#options = options;
  }

  get generation(): string {
    return this.#generation;
  }

  async start(): Promise<void> {
    const { store } = this.#options;
    this.#generation = await store.generation('', false);
    this.#adopted = this.#generation;
    store.onReturn(() => this.look());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Something acknowledged is missing. */
  lost(): void {
    // what is being dealt with need not be said again
    if (this.#generation === this.#adopted) this.#isLost = true;
    this.look();
  }

  /** The store may have lost data, or another node may have said so. */
  look(): void {
    this.#isDue = true;
    if (this.#looking !== undefined || this.#stopped) return;
    this.#looking = this.#untilLooked().finally(() => {
      this.#looking = undefined;
    });
  }

  /** Learns of another generation, when nothing else gave reason to look. */
  async glance(): Promise<void> {
    if ((await this.#options.store.generation(this.#generation, false)) !== this.#generation) this.look();
  }

  /** Resolves when what this node says of sessions is true; throws `store_unavailable` when that takes too long. */
  async settled(): Promise<void> {
    if (this.#looking === undefined) return;
    let cancel = (): void => {};
    const tooLong = new Promise<never>((_resolve, reject) => {
      const timer = this.#options.clock.setTimer(() => {
        const sentence = 'The store is being looked at after it was away; try again.';
        reject(new ProtocolError('store_unavailable', sentence, { retryAfterMs: 1_000 }));
      }, waitMs);
      cancel = () => timer.cancel();
    });
    try {
      await Promise.race([this.#looking, tooLong]);
    } finally {
      cancel();
    }
  }

  async #untilLooked(): Promise<void> {
    const { clock, onLeaseLost, onTrouble } = this.#options;
    while (this.#isDue && !this.#stopped) {
      try {
        await this.#look();
      } catch (error) {
        if (error instanceof LeaseLostError) return onLeaseLost();
        onTrouble(error);
        this.#isDue = true;
        await new Promise((resolve) => clock.setTimer(() => resolve(undefined), againMs));
      }
    }
  }

  async #look(): Promise<void> {
    const { store, onGeneration } = this.#options;
    this.#isDue = false;
    if (!(await store.intact())) this.#isLost = true;
    this.#generation = await store.generation(this.#generation, this.#isLost);
    // from here on it is said, by this node or by another one; what is lost after that is looked for again
    this.#isLost = false;
    if (this.#generation === this.#adopted) return;
    await onGeneration(this.#generation);
    await store.acceptLoss();
    this.#adopted = this.#generation;
  }
}
