import { cpus } from 'node:os';
import { checkGateway } from './check-gateway.ts';
import { createRunCollector } from './collect-run.ts';
import type { Erased } from './erase-sessions.ts';
import { commitHere, machineHere } from './origin.ts';
import { loadSockets } from './load-socket.ts';
import { checkServerFiles, localAddressOf, planWorkers } from './plan-workers.ts';
import { openFileLimit } from './process-usage.ts';
import { createProgress } from './progress.ts';
import type { NamedScenario } from './read-scenario.ts';
import { resultVersion, type RunResult } from './result.ts';
import { peakSockets, type Scenario } from './scenario.ts';
import { createServerSampler, type ServerSource } from './server-sampler.ts';
import { checkThresholds, type Threshold } from './thresholds.ts';
import { startWorkers } from './worker-pool.ts';

export interface BenchOptions extends NamedScenario {
  url: string;
  /** API keys, for the tenants in their order; the first one for all where there are none. */
  keys: readonly string[];
  seed: number;
  verifySeed: number | undefined;
  workers: number | undefined;
  /** Whether the sessions of the run stay. */
  keepSessions: boolean;
  server: ServerSource;
  thresholds: readonly Threshold[] | undefined;
  /** As it was typed, without keys. */
  command: string;
  parley: string;
  progress: Parameters<typeof createProgress>[0];
}

/** Runs a scenario against a gateway. Throws `BenchError`. */
export async function runBench(options: BenchOptions): Promise<RunResult> {
  const { url, name, server, keepSessions } = options;
  const scenario = withKeys(options.scenario, options.keys);
  const sockets = peakSockets(scenario);
  const machine = { cores: cpus().length, openFiles: openFileLimit('self') };
  const workers = planWorkers(sockets, options.workers, machine);
  for (const pid of server.pids) checkServerFiles(sockets / server.pids.length, openFileLimit(pid));
  const keys = new Set(scenario.tenants?.map(({ key }) => key) ?? [undefined]);
  await checkGateway(withoutCredentials(url), [...keys], loadSockets(url, undefined));
  const at = new Date().toISOString();
  const collector = createRunCollector(workers);
  const totalSeconds = scenario.rampSeconds + scenario.holdSeconds;
  const progress = createProgress(options.progress, collector, totalSeconds);
  const sampler = await createServerSampler(server);
  const samples: Promise<void>[] = [];
  const startedMs = performance.now();
  const pool = await startWorkers(
    { url, scenario, seed: options.seed, verifySeed: options.verifySeed, keepSessions, count: workers },
    (index) => localAddressOf(url, process.platform, index),
    (report) => {
      collector.add(report);
      // the first of the workers to tell of a second is a clock for the samples
      while (samples.length <= report.second) samples.push(sampleSecond(samples.length));
      progress.tick();
    },
  );
  async function sampleSecond(second: number): Promise<void> {
    const taken = await sampler?.sample();
    if (taken !== undefined) collector.addServer(second, taken);
  }
  let isStopping = false;
  const stop = (): void => {
    // whoever asks twice does not wait; workers end with their parent
    if (isStopping) process.exit(130);
    isStopping = true;
    pool.stop();
  };
  let sessions: Erased;
  process.on('SIGINT', stop);
  try {
    sessions = await pool.done;
    await Promise.all(samples);
  } finally {
    process.off('SIGINT', stop);
    progress.end();
  }
  const phases = { ramp: scenario.rampSeconds, hold: scenario.holdSeconds };
  const commit = commitHere();
  const result: RunResult = {
    format: 'parley-bench',
    version: resultVersion,
    at,
    parley: options.parley,
    ...(commit === undefined ? {} : { commit }),
    command: options.command,
    machine: machineHere(),
    url: withoutCredentials(url),
    name,
    scenario: withoutKeys(scenario),
    seed: options.seed,
    ...(options.verifySeed === undefined ? {} : { verifySeed: options.verifySeed }),
    workers,
    seconds: { ...phases, total: (performance.now() - startedMs) / 1_000 },
    ...(keepSessions ? {} : { sessions }),
    ...collector.finish(phases, server.pids),
  };
  if (options.thresholds !== undefined) result.thresholds = checkThresholds(options.thresholds, result);
  return result;
}

function withKeys(scenario: Scenario, keys: readonly string[]): Scenario {
  if (keys.length === 0) return scenario;
  const tenants =
    scenario.tenants ??
    keys.map((_key, index) => ({ name: keys.length === 1 ? 'default' : `key ${index + 1}`, weight: 1 }));
  return { ...scenario, tenants: tenants.map((tenant, index) => ({ key: keys[index % keys.length]!, ...tenant })) };
}

function withoutKeys(scenario: Scenario): Scenario {
  if (scenario.tenants === undefined) return scenario;
  return { ...scenario, tenants: scenario.tenants.map(({ name, weight }) => ({ name, weight })) };
}

function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}
