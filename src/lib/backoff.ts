/**
 * Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): a random delay between 0
 * and min(maxMs, baseMs × 2^attempt). `attempt` counts from 0; `random` answers in [0, 1).
 */
export function fullJitterMs(attempt: number, baseMs: number, maxMs: number, random: () => number): number {
  return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30)));
}
