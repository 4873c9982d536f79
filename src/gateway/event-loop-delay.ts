import { monitorEventLoopDelay } from 'node:perf_hooks';

const nanosecondsPerMs = 1e6;
const resolutionMs = 10;
/** A measurement is kept for this long, milliseconds. */
const freshMs = 1_000;

/** How late the event loop is: 99 of 100 of its turns within the last second or so. Costs nothing unless `isNeeded`. */
export function watchEventLoop(isNeeded: boolean): { delayMs(): number; stop(): void } {
  if (!isNeeded) return { delayMs: () => 0, stop: () => {} };
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let delayMs = 0;
  const timer = setInterval(() => {
    delayMs = Math.max(0, histogram.percentile(99) / nanosecondsPerMs - resolutionMs);
    histogram.reset();
  }, freshMs);
  timer.unref();
  return {
    delayMs: () => delayMs,
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
