import type { Histogram } from './histogram.ts';
import type { IntervalReport } from './messages.ts';
import { Metrics, type TimingName, timingNames } from './metrics.ts';
import type { RunResult, TimelineEntry, TimingResult } from './result.ts';
import { serverResult } from './server-result.ts';
import type { ServerSample } from './server-sampler.ts';

export interface RunCollector {
  add(report: IntervalReport): void;
  /** Of the server's processes, for the second that is now over. */
  addServer(second: number, sample: ServerSample): void;
  readonly total: Metrics;
  /** Seconds of which all workers have told. */
  readonly timeline: TimelineEntry[];
  finish(seconds: { ramp: number; hold: number }, serverPids?: readonly number[]): CollectedRun;
}

export type CollectedRun = Pick<
  RunResult,
  'rates' | 'errorRate' | 'counts' | 'tallies' | 'timings' | 'tenants' | 'generator' | 'server' | 'timeline'
>;

interface Second {
  metrics: Metrics;
  workers: number;
  openSockets: number;
  runningTurns: number;
  loopDelayP99Ms: number;
  cpuMicroseconds: number;
}

/** A generator that is later than this at its worst hundredth, or busier than this, measures itself. */
const lateMs = 20;
const busyCores = 0.9;

/** Puts together what the workers tell. */
export function createRunCollector(workerCount: number): RunCollector {
  const total = new Metrics();
  const seconds = new Map<number, Second>();
  const server = new Map<number, ServerSample>();
  const timeline: TimelineEntry[] = [];
  let loopDelayMaxMs = 0;
  let busiestWorkerCores = 0;
  const loopDelays: number[] = [];

  function entryOf(second: number, { metrics, ...rest }: Second): TimelineEntry {
    const entry: TimelineEntry = {
      second,
      turnsStarted: metrics.counts.turnsStarted,
      turnsEnded: metrics.counts.turnsEnded,
      tokens: metrics.counts.tokens,
      errors: metrics.total('errors'),
      connects: metrics.counts.connects,
      openSockets: rest.openSockets,
      runningTurns: rest.runningTurns,
      p50Ms: {},
      p99Ms: {},
      generatorLoopDelayP99Ms: rest.loopDelayP99Ms,
      generatorCpuCores: rest.cpuMicroseconds / 1e6,
    };
    for (const name of timingNames) {
      if (metrics.timings[name].count === 0) continue;
      entry.p50Ms[name] = metrics.timings[name].quantileMs(0.5);
      entry.p99Ms[name] = metrics.timings[name].quantileMs(0.99);
    }
    return entry;
  }

  return {
    total,
    timeline,
    add(report) {
      total.merge(report.metrics);
      loopDelayMaxMs = Math.max(loopDelayMaxMs, report.loopDelayMaxMs);
      loopDelays.push(report.loopDelayP99Ms);
      busiestWorkerCores = Math.max(busiestWorkerCores, report.cpuMicroseconds / 1e6);
      const second = seconds.get(report.second) ?? {
        metrics: new Metrics(),
        workers: 0,
        openSockets: 0,
        runningTurns: 0,
        loopDelayP99Ms: 0,
        cpuMicroseconds: 0,
      };
      seconds.set(report.second, second);
      second.metrics.merge(report.metrics);
      second.workers++;
      second.openSockets += report.openSockets;
      second.runningTurns += report.runningTurns;
      second.loopDelayP99Ms = Math.max(second.loopDelayP99Ms, report.loopDelayP99Ms);
      second.cpuMicroseconds += report.cpuMicroseconds;
      if (second.workers < workerCount) return;
      timeline.push(entryOf(report.second, second));
      seconds.delete(report.second);
    },
    addServer: (second, sample) => void server.set(second, sample),
    finish(phases, serverPids = []) {
      // of workers that were done a second before others
      for (const [second, rest] of seconds) timeline.push(entryOf(second, rest));
      timeline.sort((a, b) => a.second - b.second);
      for (const entry of timeline) {
        const sample = server.get(entry.second);
        if (sample === undefined) continue;
        entry.serverCpuCores = sample.cpuCores;
        entry.serverMemoryBytes = sample.memoryBytes;
        if (sample.ownBytes !== undefined) entry.serverOwnBytes = sample.ownBytes;
        if (sample.heapUsedBytes !== undefined) entry.serverHeapBytes = sample.heapUsedBytes;
        if (sample.loopDelayP99Ms !== undefined) entry.serverLoopDelayP99Ms = sample.loopDelayP99Ms;
      }
      const held = timeline.filter(({ second }) => second >= phases.ramp && second + 1 <= phases.ramp + phases.hold);
      const heldSeconds = Math.max(1, held.length);
      const sum = (key: 'turnsEnded' | 'tokens'): number => held.reduce((all, entry) => all + entry[key], 0);
      loopDelays.sort((a, b) => a - b);
      const loopDelayP99Ms = loopDelays[Math.floor(loopDelays.length * 0.9)] ?? 0;
      return {
        rates: { turnsPerSecond: sum('turnsEnded') / heldSeconds, tokensPerSecond: sum('tokens') / heldSeconds },
        errorRate: errorRateOf(total),
        counts: total.counts,
        tallies: total.tallies,
        timings: Object.fromEntries(timingNames.map((name) => [name, timingResult(total.timings[name])])) as Record<
          TimingName,
          TimingResult
        >,
        tenants: Object.fromEntries(
          [...total.tenants].map(([name, { firstToken, ...rest }]) => [
            name,
            { ...rest, firstToken: timingResult(firstToken) },
          ]),
        ),
        generator: {
          loopDelayP99Ms,
          loopDelayMaxMs,
          busiestWorkerCores,
          warnings: warningsOf(loopDelayP99Ms, busiestWorkerCores),
        },
        ...(server.size === 0 ? {} : { server: serverResult(serverPids, held, sum('tokens')) }),
        timeline,
      };
    },
  };
}

/** Errors for each turn or connection that was begun, at most 1: one may fail more than once. */
export function errorRateOf(total: Metrics): number {
  const errors = total.total('errors');
  const begun = total.counts.turnsStarted + total.counts.connects + connectFailures(total);
  return errors === 0 ? 0 : Math.min(1, errors / Math.max(1, begun));
}

function connectFailures(metrics: Metrics): number {
  const names = Object.entries(metrics.tallies.errors).filter(([name]) => name.startsWith('connect:'));
  return names.reduce((sum, [, count]) => sum + count, 0);
}

function warningsOf(loopDelayP99Ms: number, busiestWorkerCores: number): string[] {
  const warnings: string[] = [];
  if (loopDelayP99Ms > lateMs)
    warnings.push(
      `The generator itself was late by ${loopDelayP99Ms.toFixed(0)} ms and more in a hundredth of its time: its times are partly its own. Give it more --workers, or another machine.`,
    );
  if (busiestWorkerCores > busyCores)
    warnings.push(
      `A worker of the generator used ${(busiestWorkerCores * 100).toFixed(0)} % of a core: what was measured may be its limit. Give it more --workers, or another machine.`,
    );
  return warnings;
}

export function timingResult(histogram: Histogram): TimingResult {
  const at = (share: number): number => (histogram.count === 0 ? 0 : histogram.quantileMs(share));
  return {
    count: histogram.count,
    meanMs: histogram.count === 0 ? 0 : histogram.meanMs,
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
    histogram: histogram.toData(),
  };
}
