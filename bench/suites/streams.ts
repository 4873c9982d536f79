import { numberText } from '../../src/load/text.ts';
import type { Measures, ProcessFigures } from '../load/job.ts';
import type { Figure, ResultRow } from '../result.ts';
import { type BenchRun, figuresOf, type Outcome, sideBySide, withParleyProfile } from '../side-by-side.ts';

const streams = 200;
const delayTokensPerSecond = 50;
const memoryRounds = 3;

type MemoryAnswer = Measures['memory']['answer'];

/** CPU per token. */
export async function benchCpu(run: BenchRun): Promise<ResultRow[]> {
  const tokensPerSecond = 100;
  const plan = {
    measure: 'cpu' as const,
    options: { streams, tokensPerSecond, seconds: run.isQuick ? 4 : 15 },
    upstream: [String(tokensPerSecond)],
  };
  const outcomes = await sideBySide(run, { ...plan, evaluate: (answer) => answer });
  return withParleyProfile(run, plan, [
    {
      id: 'cpu-per-token',
      suite: 'cpu',
      measure: `CPU per streamed token, ${streams} streams × ${tokensPerSecond}/s`,
      unit: 'µs',
      better: 'less',
      method:
        'User and system time of all processes of the server, divided by the tokens that reached the clients, one token per write of the upstream. Redis is a process apart: its cores are told, not added.',
      goal: { text: '≤ 1.5 × nginx', limit: 1.5, times: 'nginx' },
      figures: figuresOf(outcomes, ({ microsecondsPerToken, tokensPerSecond: reached, ...processes }) => ({
        value: microsecondsPerToken,
        details: { 'tokens/s': Math.round(reached), ...detailsOf(processes) },
        ...saturation(reached, streams * tokensPerSecond),
      })),
    },
  ]);
}

/** Delay of tokens and of first tokens, added to what a client sees that reads the upstream itself. */
export async function benchDelay(run: BenchRun): Promise<ResultRow[]> {
  const plan = {
    measure: 'delay' as const,
    options: {
      streams,
      tokensPerSecond: delayTokensPerSecond,
      seconds: run.isQuick ? 3 : 10,
      probesPerSecond: 50,
    },
    upstream: [String(delayTokensPerSecond), 'times'],
  };
  const outcomes = await sideBySide(run, { ...plan, withDirect: true, evaluate: (answer) => answer });
  const load = `${streams} streams × ${delayTokensPerSecond}/s`;
  const quantities = [
    ['token', 'Delay added to a token', 'From the upstream’s write of a token to the client’s read of it', [0.5, 5]],
    [
      'firstToken',
      'Delay added to the first token',
      'From the client’s request to its first token, of an upstream that answers at once, on a connection that is open, 50 a second under the load of the others',
      [1, 5],
    ],
  ] as const;
  const shares = ['p50', 'p99'] as const;
  const rows = quantities.flatMap(([quantity, title, method, limits]) =>
    shares.map((share, i): ResultRow => {
      const base = outcomes.find(({ id }) => id === 'direct')?.answer?.[quantity]?.[share];
      return {
        id: `${quantity === 'token' ? 'token' : 'first-token'}-delay-${share}`,
        suite: 'delay',
        measure: `${title}, ${share}, ${load}`,
        unit: 'ms',
        better: 'less',
        method: `${method}; less the same quantile of a client that reads the upstream itself in the same run.`,
        goal: { text: `≤ ${limits[i]} ms`, limit: limits[i]! },
        figures: figuresOf(
          outcomes.filter(({ id }) => id !== 'direct'),
          (answer) => delayFigure(answer, quantity, share, base),
        ),
      };
    }),
  );
  return withParleyProfile(run, plan, rows);
}

function delayFigure(
  { tokensPerSecond: reached, ...answer }: Measures['delay']['answer'],
  quantity: 'token' | 'firstToken',
  share: 'p50' | 'p99',
  base: number | undefined,
): Omit<Figure, 'of' | 'name'> {
  const measured = answer[quantity]?.[share];
  const details = { 'tokens/s': Math.round(reached), ...detailsOf(answer) };
  if (measured === undefined) return { note: 'too slow under this load for any first token to come in time', details };
  if (base === undefined) return { note: 'the upstream itself could not be measured', details };
  return {
    value: measured - base,
    details: { 'ms measured': measured, 'ms directly': base, ...details },
    ...saturation(reached, streams * delayTokensPerSecond),
  };
}

/** Whole short turns. */
export async function benchTurns(run: BenchRun): Promise<ResultRow[]> {
  const tokens = 8;
  const plan = {
    measure: 'turns' as const,
    options: { connections: 256, concurrency: 64, tokens, seconds: run.isQuick ? 4 : 10 },
    upstream: ['100'],
  };
  const outcomes = await sideBySide(run, { ...plan, evaluate: (answer) => answer });
  const method = `A closed loop of 64 turns at once over 256 connections (of Parley: sessions, whose histories grow), each answer ${tokens} tokens in one write of the upstream. A server that used less than 0.9 cores was held up by the load, not by itself.`;
  const idle = (cores: number): object =>
    cores < 0.9 ? { note: `not saturated: it used ${cores.toFixed(2)} cores, so the load was the limit` } : {};
  return withParleyProfile(run, plan, [
    {
      id: 'turns-per-second',
      suite: 'turns',
      measure: 'Turns per second, instant upstream, one process',
      unit: 'turns/s',
      better: 'more',
      method,
      goal: { text: '≥ 1,500', limit: 1_500 },
      figures: figuresOf(outcomes, ({ turnsPerSecond, microsecondsPerTurn: _m, ...processes }) => ({
        value: turnsPerSecond,
        details: detailsOf(processes),
        ...idle(processes.cores),
      })),
    },
    {
      id: 'cpu-per-turn',
      suite: 'turns',
      measure: 'CPU per turn, instant upstream',
      unit: 'µs',
      better: 'less',
      method: 'User and system time of all processes of the server in the same run, divided by the turns that ended.',
      figures: figuresOf(outcomes, ({ microsecondsPerTurn }) => ({ value: microsecondsPerTurn })),
    },
  ]);
}

/** Memory of connections that do nothing. */
export async function benchMemory(run: BenchRun): Promise<ResultRow[]> {
  const connections = run.isQuick ? 2_000 : 8_000;
  const plan = {
    measure: 'memory' as const,
    options: { connections },
    upstream: ['100'],
    // the young generation of an idle server is no cost of its connections
    nodeFlags: ['--max-semi-space-size=1'],
  };
  const rounds: Outcome<MemoryAnswer>[][] = [];
  for (let round = 0; round < (run.isQuick ? 1 : memoryRounds); round++)
    rounds.push(await sideBySide(run, { ...plan, evaluate: (answer) => answer }));
  return withParleyProfile(run, plan, [
    {
      id: 'idle-memory',
      suite: 'memory',
      measure: `Resident memory per idle connection (Parley: attached session), ${connections.toLocaleString('en-US')} of them`,
      unit: 'KB',
      better: 'less',
      method:
        'Growth of resident memory of all processes over so many connections, after 500 others; over HTTP, of connections that were used once and are kept alive. Node’s young generation is held at 1 MB everywhere. What garbage is left when it is read differs from run to run by more than a kilobyte: the median of so many servers as are told.',
      goal: { text: '≤ 4 KB', limit: 4 },
      figures: figuresOf(middleOutcomes(rounds), ({ bytesPerConnection, connections: standing, all }) => ({
        value: bytesPerConnection / 1024,
        details: {
          connections: standing,
          servers: all.length,
          'KB at the least': Math.min(...all) / 1024,
          'at the most': Math.max(...all) / 1024,
        },
        ...(standing < connections ? { note: `only ${standing} of them were left open by the server` } : {}),
      })),
    },
  ]);
}

/** Per contender, of the rounds that gave an answer the one in the middle, and what all of them had. */
export function middleOutcomes(
  rounds: readonly Outcome<MemoryAnswer>[][],
): Outcome<MemoryAnswer & { all: number[] }>[] {
  return rounds[0]!.map(({ id, name, failure }, i) => {
    const answers = rounds
      .map((round) => round[i]!.answer)
      .filter((answer) => answer !== undefined)
      .sort((a, b) => a.bytesPerConnection - b.bytesPerConnection);
    const middle = answers[answers.length >> 1];
    if (middle === undefined) return { id, name, failure: failure ?? 'not measured' };
    return { id, name, answer: { ...middle, all: answers.map(({ bytesPerConnection }) => bytesPerConnection) } };
  });
}

export function detailsOf(processes: ProcessFigures): Record<string, number> {
  const { cores, besideCores, loopDelayP99Ms } = processes;
  return {
    ...(Number.isFinite(cores) ? { cores } : {}),
    ...(besideCores === undefined ? {} : { 'cores of redis-server': besideCores }),
    ...(loopDelayP99Ms === undefined ? {} : { 'ms event loop delay p99': loopDelayP99Ms }),
  };
}

function saturation(reached: number, wanted: number): { note?: string } {
  if (reached >= 0.97 * wanted) return {};
  return { note: `saturated: ${numberText(reached)} of ${numberText(wanted)} tokens/s` };
}
