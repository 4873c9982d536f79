import type { Clock } from '../lib/clock.ts';

interface Bucket {
  tokens: number;
  atMs: number;
  perMinute: number;
}

/** Buckets beyond this are looked through for full ones, which say nothing. */
const maxBuckets = 20_000;

/**
 * Token buckets of this node by name: each fills evenly and holds a minute's requests. The number of buckets is bounded:
 * when too many are in use at once, the oldest is forgotten.
 */
export class RequestRates {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #buckets = new Map<string, Bucket>();
  #tidiedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Takes one request. Answers how long to wait where there is none, in milliseconds. */
  take(name: string, perMinute: number): number | undefined {
    const bucket = this.#filled(name, perMinute);
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return undefined;
    }
    return perMinute === 0 ? 60_000 : Math.max(1, Math.ceil(((1 - bucket.tokens) * 60_000) / perMinute));
  }

  /** Takes more for a request that turned out to be worth it; the bucket may run into debt, of a minute at most. */
  charge(name: string, requests: number, perMinute: number): void {
    const bucket = this.#filled(name, perMinute);
    bucket.tokens = Math.max(-perMinute, bucket.tokens - requests);
  }

  #filled(name: string, perMinute: number): Bucket {
    const nowMs = this.#clock.now();
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxBuckets) this.#tidy(nowMs);
      bucket = { tokens: perMinute, atMs: nowMs, perMinute };
      this.#buckets.set(name, bucket);
    }
    bucket.tokens = Math.min(perMinute, bucket.tokens + ((nowMs - bucket.atMs) * perMinute) / 60_000);
    bucket.atMs = nowMs;
    bucket.perMinute = perMinute;
    return bucket;
  }

  #tidy(nowMs: number): void {
    // looking through all of them for each new one would be worth an attack
    const isDue = nowMs - this.#tidiedMs > 1_000;
    if (isDue) this.#tidiedMs = nowMs;
    for (const [name, { tokens, atMs, perMinute }] of isDue ? this.#buckets : []) {
      if (tokens + ((nowMs - atMs) * perMinute) / 60_000 >= perMinute) this.#buckets.delete(name);
    }
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= maxBuckets && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
