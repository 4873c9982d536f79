import type { ServerResult, TimelineEntry } from './result.ts';
import { slopeOf } from './slope.ts';

/** Of the time at full load, for a slope: in this share of it a heap and its caches still reach their size. */
const settlingShare = 0.25;

/** What the server's processes used in the seconds at full load. */
export function serverResult(pids: readonly number[], held: readonly TimelineEntry[], tokens: number): ServerResult {
  const cores = valuesOf(held, 'serverCpuCores');
  const cpuCoresMean = cores.reduce((sum, value) => sum + value, 0) / Math.max(1, cores.length);
  const loopDelays = valuesOf(held, 'serverLoopDelayP99Ms').sort((a, b) => a - b);
  const memorySlope = slope(held, 'serverOwnBytes') ?? slope(held, 'serverMemoryBytes');
  const heapSlope = slope(held, 'serverHeapBytes');
  return {
    pids: [...pids],
    cpuCoresMean,
    cpuCoresMax: Math.max(0, ...cores),
    memoryBytesMax: Math.max(0, ...valuesOf(held, 'serverMemoryBytes')),
    ...(tokens === 0 ? {} : { cpuMicrosecondsPerToken: (cpuCoresMean * held.length * 1e6) / tokens }),
    ...(loopDelays.length === 0 ? {} : { loopDelayP99Ms: loopDelays[loopDelays.length >> 1]! }),
    ...(memorySlope === undefined ? {} : { memorySlope }),
    ...(heapSlope === undefined ? {} : { heapSlope }),
  };
}

type ServerKey = 'serverCpuCores' | 'serverMemoryBytes' | 'serverOwnBytes' | 'serverHeapBytes' | 'serverLoopDelayP99Ms';

function valuesOf(held: readonly TimelineEntry[], key: ServerKey): number[] {
  return held.map((entry) => entry[key]).filter((value) => value !== undefined);
}

function slope(held: readonly TimelineEntry[], key: ServerKey): ReturnType<typeof slopeOf> {
  const settled = held.slice(Math.ceil(held.length * settlingShare));
  return slopeOf(
    settled.flatMap((entry) => (entry[key] === undefined ? [] : [{ second: entry.second, value: entry[key] }])),
  );
}
