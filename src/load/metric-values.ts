import type { RunResult, TimingResult } from './result.ts';
import { growthOf, type Slope } from './slope.ts';

/** ms: times; share: of 1; bytes; number: everything else. */
export type MetricUnit = 'ms' | 'share' | 'bytes' | 'number';

const timings = {
  connect: 'connect',
  resume: 'resume',
  'turn.firstToken': 'firstToken',
  'turn.total': 'turn',
  'turn.gap': 'gap',
  'turn.cancel': 'cancel',
} as const;

/** Figures of a time, as a threshold names them. */
const figures = {
  p50: 'p50Ms',
  p90: 'p90Ms',
  p95: 'p95Ms',
  p99: 'p99Ms',
  p999: 'p999Ms',
  max: 'maxMs',
  mean: 'meanMs',
} as const;

const others: Record<string, { unit: MetricUnit; of: (run: RunResult) => number | undefined }> = {
  'errors.rate': { unit: 'share', of: (run) => run.errorRate },
  'errors.count': { unit: 'number', of: (run) => sumOf(run.tallies.errors) },
  'violations.count': { unit: 'number', of: (run) => sumOf(run.tallies.violations) },
  'turns.count': { unit: 'number', of: (run) => run.counts.turnsEnded },
  'turns.perSecond': { unit: 'number', of: (run) => run.rates.turnsPerSecond },
  'tokens.perSecond': { unit: 'number', of: (run) => run.rates.tokensPerSecond },
  'generator.loopDelay.p99': { unit: 'ms', of: (run) => run.generator.loopDelayP99Ms },
  'server.cpu.mean': { unit: 'number', of: (run) => run.server?.cpuCoresMean },
  'server.cpu.max': { unit: 'number', of: (run) => run.server?.cpuCoresMax },
  'server.cpu.perToken': { unit: 'ms', of: (run) => thousandth(run.server?.cpuMicrosecondsPerToken) },
  'server.memory.max': { unit: 'bytes', of: (run) => run.server?.memoryBytesMax },
  'server.memory.slopePerHour': { unit: 'bytes', of: (run) => run.server?.memorySlope?.perHour },
  'server.memory.growthPerHour': { unit: 'bytes', of: (run) => growth(run.server?.memorySlope) },
  'server.heap.slopePerHour': { unit: 'bytes', of: (run) => run.server?.heapSlope?.perHour },
  'server.heap.growthPerHour': { unit: 'bytes', of: (run) => growth(run.server?.heapSlope) },
  'server.loopDelay.p99': { unit: 'ms', of: (run) => run.server?.loopDelayP99Ms },
};

/** The unit of a metric by its name; undefined where there is no such metric. */
export function metricUnit(name: string): MetricUnit | undefined {
  const other = others[name];
  if (other !== undefined) return other.unit;
  if (/^tenants\.[^.]+\.(?:turns|errors)$/.test(name)) return 'number';
  if (/^tenants\.[^.]+\.firstToken\.\w+$/.test(name))
    return (name.split('.').at(-1) ?? '') in figures ? 'ms' : undefined;
  const at = name.lastIndexOf('.');
  return name.slice(0, at) in timings && name.slice(at + 1) in figures ? 'ms' : undefined;
}

export function metricValue(run: RunResult, name: string): number | undefined {
  const other = others[name];
  if (other !== undefined) return other.of(run);
  const parts = name.split('.');
  const figure = parts.at(-1)! as keyof typeof figures;
  if (parts[0] === 'tenants') {
    const tenant = run.tenants[parts[1]!];
    if (tenant === undefined) return undefined;
    return parts.length === 3 ? tenant[parts[2] as 'turns' | 'errors'] : measured(tenant.firstToken, figure);
  }
  return measured(run.timings[timings[parts.slice(0, -1).join('.') as keyof typeof timings]], figure);
}

/** Names of metrics, for a message. */
export const metricNames = [...Object.keys(timings).map((name) => `${name}.p99`), ...Object.keys(others)];

function measured(timing: TimingResult, figure: keyof typeof figures): number | undefined {
  return timing.count === 0 ? undefined : timing[figures[figure]];
}

function sumOf(tally: Record<string, number>): number {
  return Object.values(tally).reduce((sum, count) => sum + count, 0);
}

function growth(slope: Slope | undefined): number | undefined {
  return slope === undefined ? undefined : growthOf(slope);
}

function thousandth(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value / 1_000;
}
