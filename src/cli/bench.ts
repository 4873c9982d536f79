import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { builtInScenarios } from '../load/built-in-scenarios.ts';
import { comparisonText } from '../load/compare.ts';
import { readResult } from '../load/read-result.ts';
import { readScenario } from '../load/read-scenario.ts';
import { reportHtml } from '../load/report/report-html.ts';
import type { RunResult } from '../load/result.ts';
import { runBench } from '../load/run-bench.ts';
import { summaryText } from '../load/summary.ts';
import { parseThresholds } from '../load/thresholds.ts';
import { BenchError } from '../load/worker-pool.ts';
import { addSizingCommand } from './bench-sizing.ts';
import { gatewayUrl } from './chat.ts';
import { CommandError } from './command-error.ts';
import { durationMs } from './duration.ts';
import { numberOf, wholeOf } from './flag-numbers.ts';

interface BenchFlags {
  url: string;
  key?: string[];
  users?: string;
  sessionsPerSecond?: string;
  turnsPerSecond?: string;
  sessions?: string;
  ramp?: string;
  duration?: string;
  workers?: string;
  seed: string;
  verify?: string | true;
  thresholds?: string;
  keep?: boolean;
  serverPid?: string[];
  metricsUrl?: string[];
  out?: string;
  report?: string;
  json?: boolean;
}

/** Adds `parley bench` with its commands. */
export function addBenchCommands(program: Command, version: string): void {
  const bench = program.command('bench').description('load a gateway, and look at what comes of it');
  bench
    .command('run', { isDefault: true })
    .argument('<scenario>', `one of ${Object.keys(builtInScenarios).join(', ')}, or a .yaml or .js file`)
    .description('run a scenario (default)')
    .option(
      '-u, --url <address>',
      'address of the gateway (PARLEY_URL)',
      process.env.PARLEY_URL ?? 'http://127.0.0.1:8080',
    )
    .option('--key <key...>', 'API key (PARLEY_KEY); several are for the tenants of the scenario, in their order')
    .option('--users <number>', 'closed loop: so many users')
    .option('--sessions-per-second <number>', 'open loop of sessions')
    .option('--turns-per-second <number>', 'open loop of turns, in --sessions sessions')
    .option('--sessions <number>', 'sessions for --turns-per-second')
    .option('--ramp <time>', 'time in which the load grows, as 10s')
    .option('--duration <time>', 'time at full load, as 30s, 10m or 12h')
    .option('-w, --workers <number>', 'processes that make the load (default: by cores and sockets)')
    .option('--seed <number>', 'seed of what users do', '1')
    .option('--verify [seed]', 'compare every answer with the practice upstream’s of this seed (default: 1)')
    .option(
      '--thresholds <file>',
      "YAML file of bounds such as turn.firstToken.p99: '<200ms'; exit code 1 where one is broken",
    )
    .option('--keep', 'leave the sessions of the run, which are erased otherwise')
    .option('--server-pid <pid...>', 'processes of this machine whose CPU and memory are measured')
    .option(
      '--metrics-url <address...>',
      'address of /metrics of a gateway whose heap and event loop are measured (token: PARLEY_METRICS_TOKEN)',
    )
    .option('-o, --out <file>', 'write the result as JSON')
    .option('--report <file>', 'write a report as one HTML page')
    .option('--json', 'print the result as JSON')
    .allowExcessArguments(false)
    .action((scenario: string, flags: BenchFlags) => run(scenario, flags, version));
  bench
    .command('compare')
    .argument('<a>', 'result of a run, as --out writes it')
    .argument('<b>', 'result of another')
    .description('compare two runs, and say what may be chance')
    .allowExcessArguments(false)
    .action((a: string, b: string) => {
      process.stdout.write(withSentence(() => comparisonText(readResult(a), readResult(b))));
    });
  bench
    .command('report')
    .argument('<result>', 'result of a run, as --out writes it')
    .argument('<file>', 'where to write the HTML page')
    .description('make the report of a run')
    .allowExcessArguments(false)
    .action((result: string, file: string) =>
      write(
        file,
        withSentence(() => reportHtml(readResult(result))),
      ),
    );
  bench
    .command('scenarios')
    .argument('[name]', 'print this one as a file to begin with')
    .description('list the built-in scenarios')
    .allowExcessArguments(false)
    .action(listScenarios);
  addSizingCommand(bench);
}

async function run(scenarioName: string, flags: BenchFlags, version: string): Promise<void> {
  const url = gatewayUrl(flags.url);
  const scenario = await readScenario(scenarioName, {
    users: wholeOf('--users', flags.users),
    sessionsPerSecond: numberOf('--sessions-per-second', flags.sessionsPerSecond),
    turnsPerSecond: numberOf('--turns-per-second', flags.turnsPerSecond),
    sessions: wholeOf('--sessions', flags.sessions),
    rampSeconds: secondsOf('--ramp', flags.ramp),
    holdSeconds: secondsOf('--duration', flags.duration),
  });
  const { thresholds, verify } = flags;
  for (const file of [flags.out, flags.report]) if (file !== undefined) checkWritable(file);
  const environmentKey = process.env.PARLEY_KEY;
  const result = await runBench({
    ...scenario,
    url,
    keys: flags.key ?? (environmentKey === undefined ? [] : [environmentKey]),
    seed: wholeOf('--seed', flags.seed)!,
    verifySeed: verify === undefined ? undefined : verify === true ? 1 : wholeOf('--verify', verify),
    workers: wholeOf('--workers', flags.workers),
    keepSessions: flags.keep === true,
    server: {
      pids: (flags.serverPid ?? []).map((pid) => pidOf(pid)),
      metricsUrls: (flags.metricsUrl ?? []).map((address) => metricsUrlOf(address)),
      metricsToken: process.env.PARLEY_METRICS_TOKEN,
      metricsEverySeconds: 1 + Math.floor(scenario.scenario.holdSeconds / 120),
    },
    thresholds: thresholds === undefined ? undefined : parseThresholds(read(thresholds), thresholds),
    command: commandText(process.argv.slice(2)),
    parley: version,
    progress: process.stderr,
  }).catch(rethrow);
  const text = `${JSON.stringify(result)}\n`;
  if (flags.out !== undefined) write(flags.out, text);
  if (flags.report !== undefined) write(flags.report, reportHtml(result));
  process.stdout.write(flags.json === true ? text : summaryText(result));
  process.exitCode = verdict(result);
}

function withSentence<Value>(action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    return rethrow(error);
  }
}

function rethrow(error: unknown): never {
  throw error instanceof BenchError ? new CommandError(error.message, 2) : error;
}

/** 1 where a threshold or a promise of the gateway is broken; each has a line. */
function verdict({ thresholds = [], tallies }: RunResult): number {
  const broken = thresholds.filter(({ isMet }) => !isMet);
  for (const { metric, condition, value } of broken)
    process.stderr.write(
      `${metric} is ${value === undefined ? 'not measured' : String(Number(value.toPrecision(6)))}, and was to be ${condition}.\n`,
    );
  const violations = Object.entries(tallies.violations);
  for (const [name, count] of violations)
    process.stderr.write(`The gateway broke a promise: ${name.replaceAll('_', ' ')}, ${count} times.\n`);
  return broken.length + violations.length > 0 ? 1 : 0;
}

function listScenarios(name: string | undefined): void {
  if (name === undefined) {
    const width = Math.max(...Object.keys(builtInScenarios).map((key) => key.length));
    for (const [key, { description }] of Object.entries(builtInScenarios))
      process.stdout.write(`${key.padEnd(width)}  ${description}\n`);
    return;
  }
  const scenario = builtInScenarios[name];
  if (scenario === undefined)
    throw new CommandError(
      `There is no scenario “${name}”; choose from ${Object.keys(builtInScenarios).join(', ')}.`,
      2,
    );
  process.stdout.write(stringify(scenario));
}

/** As it was typed, without keys. */
function commandText(args: readonly string[]): string {
  let isKey = false;
  const shown = args.map((arg) => {
    if (arg.startsWith('--key=')) return '--key=…';
    if (arg.startsWith('-')) isKey = arg === '--key';
    else if (isKey) return '…';
    return arg;
  });
  return `parley ${shown.join(' ')}`;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new CommandError(`The file ${file} cannot be read.`, 2);
  }
}

/** Before a run of half an hour, not after it. */
function checkWritable(file: string): void {
  try {
    accessSync(existsSync(file) ? file : dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw new CommandError(`The file ${file} cannot be written: ${(error as NodeJS.ErrnoException).code}.`, 2);
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandError(`The file ${file} cannot be written: ${(error as Error).message}.`, 1);
  }
}

function secondsOf(flag: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(flag, text) / 1_000;
}

function metricsUrlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new CommandError(`--metrics-url takes an address such as http://127.0.0.1:8080/metrics, not “${text}”.`, 2);
  return text;
}

function pidOf(text: string): number {
  const pid = wholeOf('--server-pid', text)!;
  try {
    readFileSync(`/proc/${pid}/stat`);
  } catch {
    throw new CommandError(`There is no process ${pid} to measure (processes are measured by /proc, on Linux).`, 2);
  }
  return pid;
}
