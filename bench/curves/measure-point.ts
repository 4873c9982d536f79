import { builtInScenarios } from '../../src/load/built-in-scenarios.ts';
import { cpuMicroseconds } from '../../src/load/process-usage.ts';
import type { RunResult, TimelineEntry } from '../../src/load/result.ts';
import { type BenchOptions, runBench } from '../../src/load/run-bench.ts';
import { type ScenarioInput, scenarioSchema } from '../../src/load/scenario.ts';
import type { CurvePoint, Quantiles } from '../../src/load/sizing/curves.ts';
import type { TimingName } from '../../src/load/metrics.ts';
import { median } from '../load/quantiles.ts';
import { pause } from '../load/time.ts';
import type { ServerProcess } from '../processes.ts';
import { idleRampSeconds, type PointPlan } from './point-plans.ts';
import { type Scene, startScene } from './scene.ts';

/** Starts what a point needs, loads it and measures. Undefined where a Redis is needed and none is installed. */
export async function measurePoint(plan: PointPlan): Promise<CurvePoint | undefined> {
  const scene = await startScene(plan);
  if (scene === undefined) return undefined;
  try {
    return await measure(plan, scene);
  } finally {
    await scene.stop();
  }
}

async function measure(plan: PointPlan, { gateways, redis }: Scene): Promise<CurvePoint> {
  const { curve, at, store, nodes, load, idleSockets } = plan;
  const rampSeconds = load.rampSeconds ?? 0;
  const holdSeconds = load.holdSeconds!;
  const watched = redis === undefined ? undefined : watchRedis(redis, rampSeconds, holdSeconds);
  const idle = idleSockets > 0 ? gateways.map((gateway) => runIdle(gateway, plan)) : [];
  // each node has a load of its own
  const runs = await Promise.all(gateways.map((gateway) => run(gateway, load, true)));
  const idleRuns = await Promise.all(idle);
  const firstSecond = plan.lastSeconds === undefined ? rampSeconds : rampSeconds + holdSeconds - plan.lastSeconds;
  const held = runs.map(({ timeline }) =>
    timeline.filter(({ second }) => second >= firstSecond && second + 1 <= rampSeconds + holdSeconds),
  );
  const mean = (of: (entry: TimelineEntry) => number | undefined): number =>
    held.reduce((sum, entries) => sum + average(entries.map(of).filter((value) => value !== undefined)), 0);
  const gap = quantiles(held, 'gap');
  return {
    curve,
    at,
    store,
    nodes,
    sockets: idleSockets + mean((entry) => entry.openSockets),
    streams: curve === 'turns' ? 0 : mean((entry) => entry.runningTurns),
    turnsPerSecond: mean((entry) => entry.turnsEnded),
    tokensPerSecond: mean((entry) => entry.tokens),
    cpuCores: mean((entry) => entry.serverCpuCores),
    memoryBytes: mean((entry) => entry.serverMemoryBytes),
    loopDelayP99Ms: Math.max(
      ...held.map((entries) =>
        median(entries.map((entry) => entry.serverLoopDelayP99Ms).filter((value) => value !== undefined)),
      ),
    ),
    firstToken: quantiles(held, 'firstToken') ?? { p50Ms: 0, p99Ms: 0 },
    ...(gap === undefined ? {} : { gap }),
    ...(watched === undefined ? {} : { redis: await watched }),
    errors: [...runs, ...idleRuns].reduce((sum, result) => sum + errorsOf(result), 0),
    warnings: [...new Set([...runs, ...idleRuns].flatMap(({ generator }) => generator.warnings))],
  };
}

function runIdle(gateway: ServerProcess, { idleSockets, load }: PointPlan): Promise<RunResult> {
  const rampSeconds = idleRampSeconds(idleSockets);
  const holdSeconds = (load.rampSeconds ?? 0) - rampSeconds + load.holdSeconds! + 1;
  return run(gateway, { ...builtInScenarios.idle!, users: idleSockets, rampSeconds, holdSeconds }, false);
}

function run(gateway: ServerProcess, scenario: ScenarioInput, isMeasured: boolean): Promise<RunResult> {
  const options: BenchOptions = {
    name: 'curves',
    scenario: scenarioSchema.parse(scenario),
    url: gateway.url,
    keys: [],
    seed: 1,
    verifySeed: undefined,
    workers: undefined,
    // the store goes with them
    keepSessions: true,
    server: {
      pids: isMeasured ? [gateway.pid] : [],
      metricsUrls: isMeasured ? [`${gateway.url}/metrics`] : [],
      metricsToken: undefined,
      metricsEverySeconds: 5,
    },
    thresholds: undefined,
    command: '',
    parley: '',
    progress: { write: () => {} },
  };
  return runBench(options);
}

/** CPU and commands of Redis in the time at full load. */
async function watchRedis(
  redis: ServerProcess,
  rampSeconds: number,
  holdSeconds: number,
): Promise<NonNullable<CurvePoint['redis']>> {
  // workers take about this long to start
  await pause((rampSeconds + 1) * 1_000);
  const [fromMs, cpu, commands] = [performance.now(), cpuMicroseconds(redis.pid), await commandsOf(redis.url)];
  await pause((holdSeconds - 1) * 1_000);
  const seconds = (performance.now() - fromMs) / 1_000;
  return {
    cpuCores: (cpuMicroseconds(redis.pid) - cpu) / 1e6 / seconds,
    commandsPerSecond: ((await commandsOf(redis.url)) - commands) / seconds,
  };
}

async function commandsOf(url: string): Promise<number> {
  const { connectRedis } = await import('../../src/store/redis/connect-redis.ts');
  const connection = await connectRedis({ url, onTrouble: () => {} });
  const found = /total_commands_processed:(\d+)/.exec(await connection.info('stats'));
  connection.disconnect();
  return Number(found?.[1] ?? 0);
}

/** Medians of the seconds' quantiles, of the worst node: one bad second of this machine is not the curve. */
function quantiles(held: readonly TimelineEntry[][], name: TimingName): Quantiles | undefined {
  const of = (key: 'p50Ms' | 'p99Ms'): number =>
    Math.max(
      ...held.map((entries) => median(entries.map((entry) => entry[key][name]).filter((value) => value !== undefined))),
    );
  const found = { p50Ms: of('p50Ms'), p99Ms: of('p99Ms') };
  return Number.isFinite(found.p50Ms) ? found : undefined;
}

function errorsOf({ tallies: { errors, violations } }: RunResult): number {
  return [errors, violations].flatMap((tally) => Object.values(tally)).reduce((sum, count) => sum + count, 0);
}

function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
