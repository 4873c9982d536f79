import type { Clock } from '../lib/clock.ts';

/** A rate that grows evenly from 0 to `perSecond` within `rampMs`, and then stays. */
export interface ArrivalRate {
  perSecond: number;
  rampMs: number;
}

/** When number `index` (from 0) is meant to begin, milliseconds after the start. */
export function arrivalMs(index: number, { perSecond, rampMs }: ArrivalRate): number {
  const inRamp = (perSecond * rampMs) / 2_000;
  if (index < inRamp) return Math.sqrt((2_000 * rampMs * index) / perSecond);
  return rampMs + ((index - inRamp) * 1_000) / perSecond;
}

export interface ArrivalOptions {
  clock: Pick<Clock, 'now' | 'setTimer'>;
  /** Of the clock's `now()`. */
  startMs: number;
  endMs: number;
  /** Number `index` of this process; not decreasing. */
  atMs: (index: number) => number;
  /** Told what was intended, so that a latency counts from there: a generator that is late hides no waiting. */
  onArrival: (intendedMs: number, index: number) => void;
}

/** Begins things by the clock alone (an open loop). Answers how to stop. */
export function scheduleArrivals({ clock, startMs, endMs, atMs, onArrival }: ArrivalOptions): () => void {
  let index = 0;
  let timer: { cancel(): void } | undefined;
  function turn(): void {
    const now = clock.now();
    for (;;) {
      const intendedMs = startMs + atMs(index);
      if (intendedMs >= endMs) return;
      if (intendedMs > now) {
        timer = clock.setTimer(turn, intendedMs - now);
        return;
      }
      onArrival(intendedMs, index++);
    }
  }
  turn();
  return () => timer?.cancel();
}
