import { type TimingName, timingNames } from './metrics.ts';
import type { RunResult, TimelineEntry } from './result.ts';
import { timingTitles } from './summary.ts';
import { bytesText, numberText, shareText, tableText, timeText } from './text.ts';

/** One figure of two runs. */
export interface Comparison {
  name: string;
  a: number;
  b: number;
  text: (value: number) => string;
  /** Whether the difference may be chance; undefined where the runs are too short, or the figure is one alone. */
  isNoise: boolean | undefined;
}

/** Fewer seconds than this say nothing of how much a figure varies. */
const leastSeconds = 5;

/** Figures side by side, with what one may think of their difference. */
export function compareRuns(a: RunResult, b: RunResult): Comparison[] {
  const found: Comparison[] = [];
  const add = (
    name: string,
    of: (run: RunResult) => number | undefined,
    text: Comparison['text'],
    perSecond?: Series,
  ): void => {
    const [left, right] = [of(a), of(b)];
    if (left === undefined || right === undefined) return;
    const isNoise =
      perSecond === undefined ? undefined : isWithinNoise(left - right, spread(a, perSecond), spread(b, perSecond));
    found.push({ name, a: left, b: right, text, isNoise });
  };
  add(
    'turns/s',
    (run) => run.rates.turnsPerSecond,
    numberText,
    (entry) => entry.turnsEnded,
  );
  add(
    'tokens/s',
    (run) => run.rates.tokensPerSecond,
    numberText,
    (entry) => entry.tokens,
  );
  for (const name of timingNames) {
    const at = (figure: 'p50Ms' | 'p99Ms') => (run: RunResult) => measured(run, name, figure);
    add(`${timingTitles[name]} p50`, at('p50Ms'), timeText, (entry) => entry.p50Ms[name]);
    add(`${timingTitles[name]} p99`, at('p99Ms'), timeText, (entry) => entry.p99Ms[name]);
  }
  add('errors', (run) => run.errorRate, shareText);
  add(
    'server CPU, cores',
    (run) => run.server?.cpuCoresMean,
    numberText,
    (entry) => entry.serverCpuCores,
  );
  add('server CPU per token, µs', (run) => run.server?.cpuMicrosecondsPerToken, numberText);
  add('server memory', (run) => run.server?.memoryBytesMax, bytesText);
  return found;
}

type Series = (entry: TimelineEntry) => number | undefined;

function measured(run: RunResult, name: TimingName, figure: 'p50Ms' | 'p99Ms'): number | undefined {
  const timing = run.timings[name];
  return timing.count === 0 ? undefined : timing[figure];
}

/** The standard error of a figure, by how it varied from second to second at full load. */
function spread(run: RunResult, series: Series): number | undefined {
  const { ramp, hold } = run.seconds;
  const held = run.timeline.filter(({ second }) => second >= ramp && second + 1 <= ramp + hold);
  const values = held.map(series).filter((value) => value !== undefined);
  if (values.length < leastSeconds) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return Math.sqrt(variance / values.length);
}

/** Two standard errors of a difference: it is more than that by chance in one of twenty cases. */
function isWithinNoise(difference: number, a: number | undefined, b: number | undefined): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  return Math.abs(difference) <= 2 * Math.hypot(a, b);
}

/** For a terminal. */
export function comparisonText(a: RunResult, b: RunResult): string {
  const rows = compareRuns(a, b).map(({ name, a: left, b: right, text, isNoise }) => [
    name,
    text(left),
    text(right),
    left === 0 ? (right === 0 ? '1.00' : '–') : (right / left).toFixed(2),
    isNoise === true ? 'within noise' : '',
  ]);
  const table = tableText([['', 'A', 'B', 'B / A', ''], ...rows]);
  const notes = differences(a, b).map((note) => `note: ${note}\n`);
  return `A: ${titleOf(a)}\nB: ${titleOf(b)}\n\n${table}${notes.length > 0 ? '\n' : ''}${notes.join('')}`;
}

function titleOf({ name, at, commit, url }: RunResult): string {
  return `${name}, ${at}${commit === undefined ? '' : `, ${commit}`}, ${url}`;
}

/** Why two runs may not be comparable. */
function differences(a: RunResult, b: RunResult): string[] {
  const found: string[] = [];
  if (JSON.stringify(a.scenario) !== JSON.stringify(b.scenario)) found.push('the scenarios differ.');
  if (JSON.stringify(a.machine) !== JSON.stringify(b.machine)) found.push('the generators ran on different machines.');
  if (Math.min(a.seconds.hold, b.seconds.hold) < leastSeconds)
    found.push(`a run of less than ${leastSeconds} s at full load does not tell what is noise.`);
  for (const [name, run] of [
    ['A', a],
    ['B', b],
  ] as const)
    for (const warning of run.generator.warnings) found.push(`${name}: ${warning}`);
  return found;
}
