import type { Clock, Timer } from '../lib/clock.ts';
import { inParallel } from '../lib/in-parallel.ts';
import type { RecordStore } from '../store/record-contract.ts';
import type { Logger } from '../telemetry/contract.ts';
import { keyCollection, lapsesOf, parseKey, type StoredKey } from './stored-key.ts';

export interface KeyDirectoryOptions {
  records: RecordStore;
  clock: Clock;
  logger: Logger;
  /** Between two looks whether a key was changed elsewhere, milliseconds. */
  everyMs?: number | undefined;
}

/** Keys that are kept in memory; the longest unused goes first. */
const maxKeys = 10_000;
const readsAtOnce = 32;

/**
 * The keys that this node has seen in use, kept up to date: the store's version of the collection says when one was
 * changed by another node. While no key is in use nothing is asked.
 */
export class KeyDirectory {
  readonly #options: KeyDirectoryOptions;
  /** `undefined` for one that is not there any more. */
  readonly #keys = new Map<string, StoredKey | undefined>();
  readonly #callbacks = new Set<() => void>();
  readonly #wanted = new Set<string>();
  #version: number | undefined;
  #starting: Promise<void> | undefined;
  #timer: Timer | undefined;
  #lookedMs = 0;
  #closed = false;

  constructor(options: KeyDirectoryOptions) {
    this.#options = options;
    this.#lookedMs = options.clock.wall();
  }

  /** Calls back when keys were changed or lapsed. */
  onChanged(callback: () => void): void {
    this.#callbacks.add(callback);
  }

  /** As this node knows it; `known` is false for one that it has not read or has forgotten. */
  known(id: string): { known: boolean; key: StoredKey | undefined } {
    if (!this.#keys.has(id)) return { known: false, key: undefined };
    const key = this.#keys.get(id);
    this.#keep(id, key);
    return { known: true, key };
  }

  /** As the store has it. Throws `StoreError`. */
  async read(id: string): Promise<StoredKey | undefined> {
    await this.#watch();
    const text = await this.#options.records.read(keyCollection, id);
    const key = text === undefined ? undefined : parseKey(text);
    // ids that nobody has are not worth remembering
    if (key !== undefined || this.#keys.has(id)) this.#keep(id, key);
    return key;
  }

  /** It is read with the next look, and everybody told then. */
  want(id: string): void {
    this.#wanted.add(id);
    this.#watch().catch((error: unknown) => this.#trouble(error));
  }

  /** This node wrote it. */
  written(key: StoredKey): void {
    if (this.#keys.has(key.id)) this.#keep(key.id, key);
    this.#tell();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #keep(id: string, key: StoredKey | undefined): void {
    this.#keys.delete(id);
    this.#keys.set(id, key);
    if (this.#keys.size > maxKeys) this.#keys.delete(this.#keys.keys().next().value!);
  }

  /** The version is known before the first key is, so that no change is missed in between. */
  #watch(): Promise<void> {
    this.#starting ??= this.#options.records.version(keyCollection).then(
      (version) => {
        this.#version = version;
        this.#lookedMs = this.#options.clock.wall();
        this.#schedule();
      },
      (error: unknown) => {
        this.#starting = undefined;
        throw error;
      },
    );
    return this.#starting;
  }

  #schedule(): void {
    const { clock, everyMs = 1_000 } = this.#options;
    if (this.#closed) return;
    this.#timer = clock.setTimer(() => {
      void this.#refresh()
        .catch((error: unknown) => this.#trouble(error))
        .finally(() => this.#schedule());
    }, everyMs);
  }

  async #refresh(): Promise<void> {
    const { records, clock } = this.#options;
    const version = await records.version(keyCollection);
    const isOld = version !== this.#version;
    const ids = new Set([...(isOld ? this.#keys.keys() : []), ...this.#wanted]);
    if (ids.size > 0) {
      await inParallel([...ids], readsAtOnce, async (id) => this.#keep(id, await this.read(id)));
      this.#version = version;
      this.#wanted.clear();
      this.#tell();
    }
    const before = this.#lookedMs;
    this.#lookedMs = clock.wall();
    const hasLapsed = (at: number): boolean => at > before && at <= this.#lookedMs;
    if ([...this.#keys.values()].some((key) => key !== undefined && lapsesOf(key).some(hasLapsed))) this.#tell();
  }

  #tell(): void {
    for (const callback of this.#callbacks) callback();
  }

  #trouble(error: unknown): void {
    this.#options.logger.warn({ error }, 'the keys in use could not be read again; trying again');
  }
}
