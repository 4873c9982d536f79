import { type TimingName, timingNames } from './metrics.ts';
import type { RunResult } from './result.ts';
import { growthOf, type Slope } from './slope.ts';
import { bytesText, numberText, shareText, tableText, timeText } from './text.ts';

/** Names of times for people. */
export const timingTitles: Record<TimingName, string> = {
  connect: 'connect',
  firstToken: 'first token',
  turn: 'whole turn',
  gap: 'between tokens',
  cancel: 'cancel acknowledged',
  resume: 'resume',
};

/** What a run amounts to, for a terminal. */
export function summaryText(run: RunResult): string {
  const times = timingNames.filter((name) => run.timings[name].count > 0);
  const rows = times.map((name) => {
    const { count, p50Ms, p95Ms, p99Ms, p999Ms, maxMs } = run.timings[name];
    return [timingTitles[name], numberText(count), ...[p50Ms, p95Ms, p99Ms, p999Ms, maxMs].map(timeText)];
  });
  const lines = [
    `${run.name}: ${numberText(run.rates.turnsPerSecond)} turns/s, ${numberText(run.rates.tokensPerSecond)} tokens/s over ${numberText(run.seconds.hold)} s; ${numberText(run.counts.turnsEnded)} turns, ${numberText(run.counts.tokens)} tokens and ${bytesText(run.counts.bytesIn)} in all; errors ${shareText(run.errorRate)}`,
    '',
    tableText([['time', 'count', 'p50', 'p95', 'p99', 'p99.9', 'max'], ...rows]).trimEnd(),
    '',
    ...tallyLine('ends', run.tallies.statuses),
    ...tallyLine('errors', run.tallies.errors),
    ...tallyLine('closed by the server', run.tallies.closes),
    ...tallyLine('BROKEN PROMISES', run.tallies.violations),
    ...tenantLines(run),
  ];
  const { server } = run;
  if (server !== undefined) {
    const perToken = server.cpuMicrosecondsPerToken;
    lines.push(
      `server: ${numberText(server.cpuCoresMean)} cores (at most ${numberText(server.cpuCoresMax)}), ${bytesText(server.memoryBytesMax)} at most${perToken === undefined ? '' : `, ${numberText(perToken)} µs of CPU per token`}`,
    );
    for (const [title, slope] of slopesOf(run)) lines.push(`${title}: ${slopeText(slope)}`);
  }
  lines.push(...sessionLines(run));
  for (const warning of run.generator.warnings) lines.push(`warning: ${warning}`);
  return `${lines.join('\n')}\n`;
}

/** In a shorter run a heap still grows to its size, which is no leak. */
const leastSlopeSeconds = 120;

/** Slopes of the server's memory that the run was long enough for. */
export function slopesOf({ server, seconds }: RunResult): [string, Slope][] {
  const slopes: [string, Slope | undefined][] = [
    ['memory slope', server?.memorySlope],
    ['heap slope', server?.heapSlope],
  ];
  if (seconds.hold < leastSlopeSeconds) return [];
  return slopes.filter((entry): entry is [string, Slope] => entry[1] !== undefined);
}

/** +1.2 MB ± 3.4 MB per hour: no growth beyond what varies anyway. */
export function slopeText(slope: Slope): string {
  const sign = slope.perHour < 0 ? '−' : '+';
  const figures = `${sign}${bytesText(Math.abs(slope.perHour))} ± ${bytesText(slope.errorPerHour)} per hour`;
  return `${figures}, ${growthOf(slope) > 0 ? 'growth' : 'no growth beyond what varies anyway'}`;
}

function sessionLines({ sessions }: RunResult): string[] {
  if (sessions === undefined) return [];
  const left = Object.values(sessions.left).reduce((sum, count) => sum + count, 0);
  if (left === 0) return [`sessions: ${numberText(sessions.erased)} erased`];
  const codes = Object.entries(sessions.left).map(([code, count]) => `${code} ${numberText(count)}`);
  return [`sessions: ${numberText(sessions.erased)} erased, ${numberText(left)} left behind: ${codes.join(', ')}`];
}

function tallyLine(title: string, tally: Record<string, number>): string[] {
  const entries = Object.entries(tally).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return [];
  return [`${title}: ${entries.map(([name, count]) => `${name} ${numberText(count)}`).join(', ')}`];
}

function tenantLines({ tenants }: RunResult): string[] {
  const entries = Object.entries(tenants);
  if (entries.length < 2) return [];
  const rows = entries.map(([name, { turns, tokens, errors, firstToken }]) => [
    name,
    ...[turns, tokens, errors].map(numberText),
    timeText(firstToken.p50Ms),
    timeText(firstToken.p99Ms),
  ]);
  const head = ['tenant', 'turns', 'tokens', 'errors', 'first token p50', 'p99'];
  return ['', tableText([head, ...rows]).trimEnd(), ''];
}
