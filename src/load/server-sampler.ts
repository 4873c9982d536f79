import { createUsageSampler } from './process-usage.ts';
import { readServerMetrics, type ServerMetrics } from './server-metrics.ts';

/** A gateway's processes, all together, since the sample before. */
export interface ServerSample {
  cpuCores: number;
  memoryBytes: number;
  /** Memory without pages of files, which the system takes back when it likes; of `pids` alone. */
  ownBytes?: number;
  heapUsedBytes?: number;
  /** Of the worst of them. */
  loopDelayP99Ms?: number;
}

export interface ServerSource {
  /** Processes of this machine, which are measured from outside. */
  pids: readonly number[];
  /** Where gateways tell of themselves; of their CPU and memory only where there are no `pids`. */
  metricsUrls: readonly string[];
  metricsToken: string | undefined;
  /** Reading `metricsUrls` costs a gateway some 15 ms of CPU. */
  metricsEverySeconds: number;
}

export interface ServerSampler {
  /** Undefined where a server did not answer, is not asked each second, or is still to answer. */
  sample(): Promise<ServerSample | undefined>;
}

/** Throws `BenchError` where the metrics cannot be read; undefined where there is nothing to measure. */
export async function createServerSampler(source: ServerSource): Promise<ServerSampler | undefined> {
  const { pids, metricsUrls, metricsToken, metricsEverySeconds } = source;
  if (pids.length + metricsUrls.length === 0) return undefined;
  const read = (): Promise<ServerMetrics[]> =>
    Promise.all(metricsUrls.map((url) => readServerMetrics(url, metricsToken)));
  let [lastMs, lastCpuSeconds] = [performance.now(), cpuOf(await read())];
  const usage = createUsageSampler(pids, () => performance.now());
  let isAsking = false;
  let asked = 0;

  return {
    async sample() {
      if (isAsking) return undefined;
      const outside = usage();
      if (metricsUrls.length === 0 || asked++ % metricsEverySeconds > 0) return pids.length > 0 ? outside : undefined;
      isAsking = true;
      try {
        const told = await read();
        const [nowMs, cpuSeconds] = [performance.now(), cpuOf(told)];
        const own = {
          cpuCores: Math.max(0, cpuSeconds - lastCpuSeconds) / (Math.max(1, nowMs - lastMs) / 1_000),
          memoryBytes: told.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
        };
        [lastMs, lastCpuSeconds] = [nowMs, cpuSeconds];
        return {
          ...(pids.length > 0 ? outside : own),
          heapUsedBytes: told.reduce((sum, { heapUsedBytes }) => sum + heapUsedBytes, 0),
          loopDelayP99Ms: Math.max(...told.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
        };
      } catch {
        return pids.length > 0 ? outside : undefined;
      } finally {
        isAsking = false;
      }
    },
  };
}

function cpuOf(told: readonly ServerMetrics[]): number {
  return told.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}
