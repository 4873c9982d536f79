import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const nanosecondsPerMs = 1e6;
const resolutionMs = 10;
/** A measurement is kept for this long, milliseconds. */
const freshMs = 1_000;

/** How late the event loop is: 99 of 100 of its turns within the last second or so. Measured from the first question on. */
export function watchEventLoop(): { delayMs(): number; stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  let delayMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const measure = (): void => {
    delayMs = Math.max(0, histogram.percentile(99) / nanosecondsPerMs - resolutionMs);
    histogram.reset();
  };
  return {
    delayMs() {
      if (timer === undefined) {
        histogram.enable();
        timer = setInterval(measure, freshMs).unref();
      }
      return delayMs;
    },
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}

/**
 * Share of the time since its last call in which the event loop was busy. Time in which it was ready but another process had the
 * core is not counted: no saving of this one gives that back.
 */
export function watchUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  let lastCpu = process.cpuUsage();
  let lastMs = performance.now();
  return () => {
    const [now, cpu, nowMs] = [performance.eventLoopUtilization(), process.cpuUsage(), performance.now()];
    const { utilization } = performance.eventLoopUtilization(now, last);
    const cpuMs = (cpu.user + cpu.system - lastCpu.user - lastCpu.system) / 1_000;
    const cores = nowMs > lastMs ? cpuMs / (nowMs - lastMs) : 0;
    [last, lastCpu, lastMs] = [now, cpu, nowMs];
    return Math.min(utilization, cores);
  };
}
