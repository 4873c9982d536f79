import type { Peer } from './peers/contract.ts';
import type { MeasureName, Measures } from './load/job.ts';
import { profileParley } from './load/profile-parley.ts';
import { runDriver } from './load/run-driver.ts';
import { type ServerProcess, startServer } from './processes.ts';
import { isReached, judged } from './report/judge.ts';
import type { Figure, Log, ResultRow } from './result.ts';
import { targetOf } from './target.ts';

/** What the suites are told of a run. */
export interface BenchRun {
  /** Parley with each store first, then the peers. */
  contenders: readonly Peer[];
  isQuick: boolean;
  log: Log;
}

/** One contender's answer, or why there is none. */
export interface Outcome<Answer> {
  id: string;
  name: string;
  answer?: Answer;
  failure?: string;
}

export interface SideBySide<Name extends MeasureName, Answer> {
  measure: Name;
  options: Measures[Name]['options'];
  upstream: readonly string[];
  nodeFlags?: readonly string[];
  /** A client that reads the upstream itself, as what every other is compared to. */
  withDirect?: boolean;
  /** Joins what the upstream told meanwhile. */
  evaluate(answer: Measures[Name]['answer'], told: readonly unknown[]): Answer;
}

/** The upstream itself as a contender. */
export const direct: Peer = {
  id: 'direct',
  name: 'the upstream itself',
  version: '',
  does: 'A client that reads the upstream with nothing between.',
  cancelledBy: 'closing the connection',
  dialect: { kind: 'sse', path: '/chat/completions', headers: {}, body: 'chat-completions', idlePath: '/' },
  start: (url) => Promise.resolve({ pid: 0, url, onMessage: () => {}, stop: () => Promise.resolve() }),
};

/** Runs a measure over everybody, one after another, each with an upstream of its own. A failure costs that one's figures alone. */
export async function sideBySide<Name extends MeasureName, Answer>(
  run: BenchRun,
  plan: SideBySide<Name, Answer>,
): Promise<Outcome<Answer>[]> {
  const outcomes: Outcome<Answer>[] = [];
  for (const peer of [...(plan.withDirect === true ? [direct] : []), ...run.contenders]) {
    const { id, name } = peer;
    const log: Log = (line) => run.log(`${name}: ${line}`);
    try {
      outcomes.push({ id, name, answer: await measureOne(peer, plan, log) });
    } catch (error) {
      const failure = (error as Error).message;
      log(failure);
      outcomes.push({ id, name, failure });
    }
  }
  return outcomes;
}

async function measureOne<Name extends MeasureName, Answer>(
  peer: Peer,
  plan: SideBySide<Name, Answer>,
  log: Log,
): Promise<Answer> {
  const upstream = await startServer('./load/upstream.js', plan.upstream);
  const told: unknown[] = [];
  upstream.onMessage((message) => void told.push(message));
  let server: ServerProcess | undefined;
  try {
    server = await peer.start(upstream.url, plan.nodeFlags);
    const job = { measure: plan.measure, target: targetOf(peer, server), options: plan.options };
    return plan.evaluate(await runDriver<Name>(job, log), told);
  } finally {
    await server?.stop();
    await upstream.stop();
  }
}

/** Figures of a row in the order of the contenders. */
export function figuresOf<Answer>(
  outcomes: readonly Outcome<Answer>[],
  read: (answer: Answer, id: string) => Omit<Figure, 'of' | 'name'>,
): Figure[] {
  return outcomes.map(({ id, name, answer, failure }) => ({
    of: id,
    name,
    ...(answer === undefined ? { note: failure ?? 'not measured' } : read(answer, id)),
  }));
}

/** The rows with verdicts; the first that a store did not reach, with what a profile of the same load shows. */
export async function withProfile<Name extends MeasureName>(
  run: BenchRun,
  plan: Pick<SideBySide<Name, unknown>, 'measure' | 'options' | 'upstream'>,
  rows: readonly ResultRow[],
): Promise<ResultRow[]> {
  const verdicts = rows.map(judged);
  const missed = verdicts.find((row) => isReached(row) === false);
  const figure = missed?.figures.find(({ verdict }) => verdict?.isReached === false);
  const peer = run.contenders.find(({ id }) => id === figure?.of);
  if (missed === undefined || peer === undefined) return verdicts;
  run.log(`${peer.name}: a profile, as the goal was not reached`);
  const profile = await profileParley(peer, plan, () => {}).catch((error: Error) => `No profile: ${error.message}`);
  return verdicts.map((row) => (row === missed ? { ...row, profile: `${peer.name}. ${profile}` } : row));
}
