import type { Clock } from '../lib/clock.ts';

/** Bounds of one upstream on this node. */
export interface CapacityLimits {
  /** Calls at a time. */
  concurrency?: number | undefined;
  /** Input and output tokens. */
  tokensPerMinute?: number | undefined;
  requestsPerMinute?: number | undefined;
}

interface Bucket {
  readonly capacity: number;
  level: number;
  atMs: number;
}

/** A place of a call. */
export interface CapacityLease {
  /** Gives the place back and corrects the tokens to what was used. Repeating it is harmless. */
  release(usedTokens: number): void;
}

const minuteMs = 60_000;

/** What an upstream may carry at a time, and how much of it is taken. */
export class UpstreamCapacity {
  readonly #clock: Clock;
  readonly #concurrency: number;
  readonly #tokens: Bucket | undefined;
  readonly #requests: Bucket | undefined;
  #running = 0;

  constructor(clock: Clock, limits: CapacityLimits) {
    this.#clock = clock;
    this.#concurrency = limits.concurrency ?? Number.POSITIVE_INFINITY;
    this.#tokens = this.#bucket(limits.tokensPerMinute);
    this.#requests = this.#bucket(limits.requestsPerMinute);
  }

  /** A call larger than a whole minute's tokens goes when the bucket is full. */
  hasRoom(tokens: number): boolean {
    if (this.#running >= this.#concurrency) return false;
    const bucket = this.#tokens;
    if (bucket !== undefined && this.#levelOf(bucket) < Math.min(tokens, bucket.capacity)) return false;
    return this.#requests === undefined || this.#levelOf(this.#requests) >= 1;
  }

  take(tokens: number): CapacityLease {
    this.#running++;
    if (this.#tokens !== undefined) this.#tokens.level = this.#levelOf(this.#tokens) - tokens;
    if (this.#requests !== undefined) this.#requests.level = this.#levelOf(this.#requests) - 1;
    let isOver = false;
    return {
      release: (usedTokens) => {
        if (isOver) return;
        isOver = true;
        this.#running--;
        const bucket = this.#tokens;
        if (bucket !== undefined) bucket.level = Math.min(bucket.capacity, this.#levelOf(bucket) + tokens - usedTokens);
      },
    };
  }

  #bucket(perMinute: number | undefined): Bucket | undefined {
    return perMinute === undefined ? undefined : { capacity: perMinute, level: perMinute, atMs: this.#clock.now() };
  }

  #levelOf(bucket: Bucket): number {
    const nowMs = this.#clock.now();
    bucket.level = Math.min(bucket.capacity, bucket.level + ((nowMs - bucket.atMs) * bucket.capacity) / minuteMs);
    bucket.atMs = nowMs;
    return bucket.level;
  }
}
