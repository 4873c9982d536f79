import { createRunCollector } from '../../../src/load/collect-run.ts';
import { Metrics } from '../../../src/load/metrics.ts';
import type { RunResult } from '../../../src/load/result.ts';
import { scenarioSchema } from '../../../src/load/scenario.ts';

export interface Sample {
  /** First tokens of one second each. */
  firstTokenMs: readonly number[];
  errors?: Record<string, number>;
  name?: string;
}

/** The result of a run of one worker, a turn a second. */
export function sampleRun({ firstTokenMs, errors = {}, name = 'sample' }: Sample): RunResult {
  const collector = createRunCollector(1);
  for (const [second, ms] of firstTokenMs.entries()) {
    const metrics = new Metrics();
    metrics.timings.firstToken.record(ms);
    metrics.counts.turnsStarted++;
    metrics.counts.turnsEnded++;
    metrics.counts.tokens += 10;
    metrics.tenant('default').turns++;
    metrics.tally('statuses', 'completed');
    if (second === 0) for (const [code, count] of Object.entries(errors)) metrics.tally('errors', code, count);
    collector.add({
      t: 'interval',
      second,
      metrics: metrics.toData(),
      openSockets: 1,
      runningTurns: 0,
      loopDelayP99Ms: 1,
      loopDelayMaxMs: 2,
      cpuMicroseconds: 1_000,
    });
  }
  const seconds = { ramp: 0, hold: firstTokenMs.length };
  return {
    format: 'parley-bench',
    version: 1,
    at: '2026-01-02T03:04:05.678Z',
    parley: '0.1.0',
    command: 'parley bench sample',
    machine: { cpu: 'test', cores: 2, memoryBytes: 2 ** 33, platform: 'linux x64', node: 'v20' },
    url: 'http://127.0.0.1:8080',
    name,
    scenario: scenarioSchema.parse({ users: 1 }),
    seed: 1,
    workers: 1,
    seconds: { ...seconds, total: seconds.hold },
    ...collector.finish(seconds),
  };
}
