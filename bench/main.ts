import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { runCurves } from './curves/run-curves.ts';
import { runGuard } from './guard/run-guard.ts';
import { benchAddedDelay } from './load/added-delay.ts';
import { benchCancelLatency } from './load/cancel-latency.ts';
import { benchCpuPerToken } from './load/cpu-per-token.ts';
import { benchIdleMemory } from './load/idle-memory.ts';
import { benchNodes, benchReconnects } from './load/nodes.ts';
import { benchAiSdkAdapter } from './micro/ai-sdk-adapter.ts';
import { benchCodec } from './micro/codec.ts';
import { benchLimits } from './micro/limits.ts';
import { benchLogAppend } from './micro/log-append.ts';
import { benchOpenaiChatAdapter } from './micro/openai-chat-adapter.ts';
import { benchTokenCounter } from './micro/token-counter.ts';
import { benchWindowBuilding } from './micro/window-building.ts';
import { benchWireAdapters } from './micro/wire-adapters.ts';
import type { BenchResult, Log } from './result.ts';

/** The benches by name; `npm run bench -- cpu cancel` runs some of them, `--quick` all of them shorter. */
const benches: Record<string, (log: Log, quick: boolean) => Promise<BenchResult[]>> = {
  codec: (log) => benchCodec(log),
  log: (log) => benchLogAppend(log),
  counter: (log) => benchTokenCounter(log),
  window: (log) => benchWindowBuilding(log),
  adapter: (log) => benchOpenaiChatAdapter(log),
  adapters: (log) => benchWireAdapters(log),
  'ai-sdk': (log) => benchAiSdkAdapter(log),
  limits: (log) => benchLimits(log),
  cancel: (log) => benchCancelLatency(500, log),
  cpu: (log, quick) => benchCpuPerToken({ streams: 200, tokensPerSecond: 100, seconds: quick ? 5 : 20 }, log),
  delay: (log, quick) => benchAddedDelay({ streams: 200, tokensPerSecond: 50, seconds: quick ? 4 : 10 }, log),
  nodes: (log) => benchNodes(200, log),
  reconnects: (log, quick) => benchReconnects(quick ? 2_000 : 10_000, log),
  memory: (log, quick) => benchIdleMemory(quick ? 3_000 : 8_000, log),
};

const args = process.argv.slice(2);
if (args[0] === 'curves') {
  await runCurves(args.slice(1), (line) => process.stderr.write(`curves: ${line}\n`));
  process.exit(0);
}
if (args[0] === 'guard')
  process.exit(await runGuard(args.slice(1), (line) => process.stderr.write(`guard: ${line}\n`)));
const quick = args.includes('--quick');
const names = args.filter((arg) => !arg.startsWith('--'));
const unknown = names.find((name) => benches[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`There is no bench “${unknown}”; choose from ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}
const results: BenchResult[] = [];
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  const log: Log = (line) => process.stderr.write(`${name}: ${line}\n`);
  results.push(...(await benches[name]!(log, quick)));
}
printTable(results);
if (!args.includes('--no-file')) save(results);
process.exit(0);

function printTable(rows: readonly BenchResult[]): void {
  const cells = rows.map(({ name, value, unit, baseline, baselineName }) => [
    name,
    `${figure(value)} ${unit}`,
    baseline === undefined ? '' : `${figure(baseline)} ${unit}`,
    baseline === undefined ? '' : `× ${figure(value / baseline)}`,
    baselineName ?? '',
  ]);
  const table = [['measure', 'parley', 'baseline', 'ratio', 'baseline is'], ...cells];
  const widths = table[0]!.map((_cell, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}\n`,
    );
  for (const { name, note } of rows) if (note !== undefined) process.stdout.write(`${name}: ${note}\n`);
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

function save(rows: readonly BenchResult[]): void {
  const at = new Date().toISOString();
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const command = `npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`;
  mkdirSync('bench/results', { recursive: true });
  const file = `bench/results/${at.slice(0, 10)}.json`;
  writeFileSync(file, `${JSON.stringify({ at, machine, commit: commit(), command, results: rows }, undefined, 2)}\n`);
  process.stdout.write(`\nwritten to ${file}\n`);
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
