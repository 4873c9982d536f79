import type { Erased } from './erase-sessions.ts';
import type { HistogramData } from './histogram.ts';
import type { CountName, TallyName, TimingName } from './metrics.ts';
import type { Scenario } from './scenario.ts';
import type { Slope } from './slope.ts';

/** Of the file; a reader refuses what it does not know. */
export const resultVersion = 1;

export interface TimingResult {
  count: number;
  meanMs: number;
  p50Ms: number;
  p90Ms: number;
  p95Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  histogram: HistogramData;
}

/** One second of a run, all workers together. Times that nothing was measured of are absent. */
export interface TimelineEntry {
  second: number;
  turnsStarted: number;
  turnsEnded: number;
  tokens: number;
  errors: number;
  connects: number;
  openSockets: number;
  runningTurns: number;
  p50Ms: Partial<Record<TimingName, number>>;
  p99Ms: Partial<Record<TimingName, number>>;
  generatorLoopDelayP99Ms: number;
  generatorCpuCores: number;
  serverCpuCores?: number;
  serverMemoryBytes?: number;
  /** Without pages of files. */
  serverOwnBytes?: number;
  serverHeapBytes?: number;
  serverLoopDelayP99Ms?: number;
}

export interface TenantResult {
  turns: number;
  tokens: number;
  errors: number;
  firstToken: TimingResult;
}

/** Of the time at full load. */
export interface ServerResult {
  pids: number[];
  cpuCoresMean: number;
  cpuCoresMax: number;
  memoryBytesMax: number;
  cpuMicrosecondsPerToken?: number;
  /** Median of its seconds. */
  loopDelayP99Ms?: number;
  /** Bytes per hour; of memory without pages of files, where that is known. Absent where the run was too short. */
  memorySlope?: Slope;
  heapSlope?: Slope;
}

export interface ThresholdResult {
  metric: string;
  condition: string;
  /** Absent where nothing was measured, which breaks a threshold. */
  value?: number;
  isMet: boolean;
}

/** The result of a run, as `--out` writes it. Times are milliseconds, histograms microseconds. */
export interface RunResult {
  format: 'parley-bench';
  version: typeof resultVersion;
  at: string;
  parley: string;
  commit?: string;
  command: string;
  machine: { cpu: string; cores: number; memoryBytes: number; platform: string; node: string };
  url: string;
  name: string;
  /** Without keys. */
  scenario: Scenario;
  seed: number;
  /** Seed of the practice upstream by which all texts were checked. */
  verifySeed?: number;
  workers: number;
  seconds: { ramp: number; hold: number; total: number };
  /** Of the time at full load. */
  rates: { turnsPerSecond: number; tokensPerSecond: number };
  /** Errors for each turn or connection that was begun. */
  errorRate: number;
  counts: Record<CountName, number>;
  tallies: Record<TallyName, Record<string, number>>;
  timings: Record<TimingName, TimingResult>;
  tenants: Record<string, TenantResult>;
  generator: { loopDelayP99Ms: number; loopDelayMaxMs: number; busiestWorkerCores: number; warnings: string[] };
  server?: ServerResult;
  /** What became of the sessions that the run made; absent where they were to stay. */
  sessions?: Erased;
  thresholds?: ThresholdResult[];
  timeline: TimelineEntry[];
}
