import { mkdirSync, writeFileSync } from 'node:fs';
import { commitHere, machineHere } from '../../src/load/origin.ts';
import type { CurvePoint, CurvesResult } from '../../src/load/sizing/curves.ts';
import { bytesText, numberText, timeText } from '../../src/load/text.ts';
import type { Log } from '../result.ts';
import { curvesHtml } from './curves-html.ts';
import { measurePoint } from './measure-point.ts';
import { type PointPlan, pointPlans } from './point-plans.ts';
import { windowTokens } from './scene.ts';

/** Measures all curves and writes them, as JSON and as a page. `--no-file` writes nothing, `--quick` is no measurement. */
export async function runCurves(args: readonly string[], log: Log): Promise<void> {
  const quick = args.includes('--quick');
  // with its servers, by their listeners of “exit”
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const startedMs = performance.now();
  const points: CurvePoint[] = [];
  for (const plan of pointPlans(quick)) {
    const point = await measurePoint(plan);
    if (point === undefined) {
      log(`${titleOf(plan)}: redis-server is not installed, this is left out`);
      continue;
    }
    points.push(point);
    log(`${titleOf(plan)}: ${describe(point)}`);
  }
  const commit = commitHere();
  const result: CurvesResult = {
    format: 'parley-curves',
    version: 1,
    at: new Date().toISOString(),
    ...(commit === undefined ? {} : { commit }),
    command: `npm run bench -- curves${quick ? ' --quick' : ''}`,
    machine: machineHere(),
    windowTokens,
    points,
  };
  log(`done after ${numberText((performance.now() - startedMs) / 1_000)} s`);
  if (args.includes('--no-file')) return;
  mkdirSync('bench/results', { recursive: true });
  const name = `bench/results/${result.at.slice(0, 10)}-curves${quick ? '-quick' : ''}`;
  writeFileSync(`${name}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
  writeFileSync(`${name}.html`, curvesHtml(result));
  log(
    `written to ${name}.json and ${name}.html; PARLEY_UPDATE=1 npm test -- sizing-guide brings the README up to date`,
  );
}

function titleOf({ curve, at, store }: PointPlan): string {
  return `${curve} ${numberText(at)}, ${store}`;
}

function describe(point: CurvePoint): string {
  const { cpuCores, tokensPerSecond, turnsPerSecond, memoryBytes, firstToken, gap, loopDelayP99Ms, redis } = point;
  const parts = [
    `${numberText(point.sockets)} sockets, ${numberText(tokensPerSecond)} tokens/s, ${numberText(turnsPerSecond)} turns/s`,
    `${numberText(cpuCores)} cores, ${bytesText(memoryBytes)}`,
    `first token p50 ${timeText(firstToken.p50Ms)} p99 ${timeText(firstToken.p99Ms)}`,
    ...(gap === undefined ? [] : [`gap p50 ${timeText(gap.p50Ms)} p99 ${timeText(gap.p99Ms)}`]),
    `loop p99 ${timeText(loopDelayP99Ms)}`,
    ...(redis === undefined
      ? []
      : [`Redis ${numberText(redis.commandsPerSecond)} commands/s, ${numberText(redis.cpuCores)} cores`]),
    ...(point.errors > 0 ? [`${numberText(point.errors)} errors`] : []),
    ...(point.warnings.length > 0 ? ['the generator was late'] : []),
  ];
  return parts.join('; ');
}
