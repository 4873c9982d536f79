import type { Clock, Timer } from '../lib/clock.ts';

/** A call that waits for a place. */
export interface WaitingCall<Place> {
  tenant: string;
  /** The larger number goes first. */
  priority: number;
  /** A place that is free for it now. */
  choose(): Place | undefined;
  start(place: Place): void;
  /** How many are before it, at first and whenever that changes. */
  onPlace(ahead: number): void;
  /** It waited for too long. */
  onTooLate(): void;
}

export interface AdmissionQueueOptions {
  clock: Clock;
  mostWaiting: number;
  /** Longest wait, milliseconds. */
  maxWaitMs: number;
  /** Calls of a tenant, those that wait among them: of two with the same priority the tenant of which fewer run goes first. */
  callsOf(tenant: string): number;
  /** Grows with every call that starts; of two tenants that are even, the one that was served longer ago goes first. */
  servedAt(tenant: string): number;
}

interface Entry<Place> extends WaitingCall<Place> {
  sinceMs: number;
  order: number;
  ahead: number;
}

/** Each of these a call waited raises its priority by one, so that none waits for ever. */
const ageingMs = 5_000;
/** Tokens come back with time alone, which nothing tells of. */
const lookEveryMs = 50;

/** Calls for which no upstream has room, in the order in which they get it. */
export class AdmissionQueue<Place> {
  readonly #options: AdmissionQueueOptions;
  #entries: Entry<Place>[] = [];
  #order = 0;
  #timer: Timer | undefined;

  constructor(options: AdmissionQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Lets a call wait; undefined when too many do. What it answers takes the call out of the queue. */
  add(call: WaitingCall<Place>): (() => void) | undefined {
    const { clock, mostWaiting } = this.#options;
    if (this.#entries.length >= mostWaiting) return undefined;
    const entry: Entry<Place> = { ...call, sinceMs: clock.now(), order: this.#order++, ahead: -1 };
    this.#entries.push(entry);
    this.#tellPlaces();
    this.#arm();
    return () => {
      this.#entries = this.#entries.filter((other) => other !== entry);
      this.#tellPlaces();
    };
  }

  /** There may be room. */
  look(): void {
    if (this.#entries.length === 0) return;
    const nowMs = this.#options.clock.now();
    for (const entry of this.#inOrder(nowMs)) {
      // one that was started may have taken another out
      if (!this.#entries.includes(entry)) continue;
      const isTooLate = nowMs - entry.sinceMs >= this.#options.maxWaitMs;
      const place = isTooLate ? undefined : entry.choose();
      if (!isTooLate && place === undefined) continue;
      this.#entries = this.#entries.filter((other) => other !== entry);
      if (place === undefined) entry.onTooLate();
      else entry.start(place);
    }
    this.#tellPlaces();
  }

  #inOrder(nowMs: number): Entry<Place>[] {
    const { callsOf, servedAt } = this.#options;
    const waiting = new Map<string, number>();
    for (const { tenant } of this.#entries) waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
    const rank = (entry: Entry<Place>): number => entry.priority + Math.floor((nowMs - entry.sinceMs) / ageingMs);
    // within a rank tenants take turns: a tenant's second call waits behind the first ones of the others
    const turnOf = new Map<Entry<Place>, number>();
    const seen = new Map<string, number>();
    for (const entry of this.#entries.toSorted((a, b) => rank(b) - rank(a) || a.order - b.order)) {
      const { tenant } = entry;
      const before = seen.get(tenant) ?? callsOf(tenant) - waiting.get(tenant)!;
      turnOf.set(entry, before);
      seen.set(tenant, before + 1);
    }
    return this.#entries.toSorted(
      (a, b) =>
        rank(b) - rank(a) ||
        turnOf.get(a)! - turnOf.get(b)! ||
        servedAt(a.tenant) - servedAt(b.tenant) ||
        a.order - b.order,
    );
  }

  #tellPlaces(): void {
    for (const [ahead, entry] of this.#inOrder(this.#options.clock.now()).entries()) {
      if (entry.ahead === ahead) continue;
      entry.ahead = ahead;
      entry.onPlace(ahead);
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#entries.length === 0) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.look();
      this.#arm();
    }, lookEveryMs);
  }
}
