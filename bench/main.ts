import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname } from 'node:path';
import { commitHere, machineHere } from '../src/load/origin.ts';
import { ArgumentError, readArguments } from './arguments.ts';
import { runCurves } from './curves/run-curves.ts';
import { runGuard } from './guard/run-guard.ts';
import { choosePeers, peerIds } from './peers/choose-peers.ts';
import { parleyPeers } from './peers/parley.ts';
import { judged } from './report/judge.ts';
import { reportHtml } from './report/report-html.ts';
import { tableOf } from './report/table-text.ts';
import { writeReport } from './report/write-report.ts';
import { fileVersion, type ResultFile } from './result.ts';
import { suites, suitesWithPeers } from './suites/all.ts';

/** `npm run bench`: every figure of the brief beside its peers, in one run. Some suites by name; `--quick` for shorter ones. */
const args = process.argv.slice(2);
if (args[0] === 'curves') {
  await runCurves(args.slice(1), (line) => process.stderr.write(`curves: ${line}\n`));
  process.exit(0);
}
if (args[0] === 'guard')
  process.exit(await runGuard(args.slice(1), (line) => process.stderr.write(`guard: ${line}\n`)));
if (args[0] === 'report') {
  process.stdout.write(`written to ${orLeave(() => writeReport(args.slice(1)))}\n`);
  process.exit(0);
}
const options = orLeave(() => {
  const known = { suites: Object.keys(suites), peers: peerIds };
  return readArguments(args, known, new Date().toISOString().slice(0, 10));
});
const isWithPeers = options.suites.some((name) => suitesWithPeers.has(name));
const { peers, absent } = choosePeers(isWithPeers ? options.peers : []);
for (const { id, reason } of absent) process.stderr.write(`${id} is left out: ${reason}\n`);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const contenders = [...parleyPeers(version), ...peers];
const file: ResultFile = {
  format: 'parley-side-by-side',
  version: fileVersion,
  at: new Date().toISOString(),
  commit: commitHere() ?? 'unknown',
  command: `npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`,
  machine: { ...machineHere(), loadBefore: loadavg()[0]! },
  contenders: contenders.map(({ id, name, version, does, cancelledBy }) => ({ id, name, version, does, cancelledBy })),
  absent,
  rows: [],
};
// the servers end with this process
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const failed: string[] = [];
for (const name of options.suites) {
  const log = (line: string): void => void process.stderr.write(`${name}: ${line}\n`);
  try {
    const rows = await suites[name]!({ contenders, isQuick: options.isQuick, log });
    file.rows.push(...rows.map(judged));
  } catch (error) {
    failed.push(name);
    log(`failed: ${(error as Error).message}`);
  }
  // a run that is killed keeps what it has
  save();
}
file.finishedAt = new Date().toISOString();
save();
process.stdout.write(tableOf(file));
if (options.out !== undefined) process.stdout.write(`\nwritten to ${options.out}.json and .html\n`);
process.exit(failed.length > 0 ? 1 : 0);

function save(): void {
  if (options.out === undefined) return;
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(`${options.out}.json`, `${JSON.stringify(file, undefined, 2)}\n`);
  writeFileSync(`${options.out}.html`, reportHtml(file));
}

function orLeave<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
