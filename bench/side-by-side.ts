import type { Peer } from './peers/contract.ts';
import type { MeasureName, Measures } from './load/job.ts';
import { profileParley, type ProfiledLoad } from './load/profile-parley.ts';
import { runDriver } from './load/run-driver.ts';
import { type ServerProcess, startServer } from './processes.ts';
import type { Figure, Log, ResultRow } from './result.ts';
import { targetOf } from './target.ts';
import { withProfile } from './with-profile.ts';

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

export interface SideBySide<Name extends MeasureName, Answer> extends ProfiledLoad<Name> {
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

/** Rows of a measure with verdicts, and with a profile of Parley under the same load where one was missed. */
export function withParleyProfile<Name extends MeasureName>(
  run: BenchRun,
  plan: ProfiledLoad<Name>,
  rows: readonly ResultRow[],
): Promise<ResultRow[]> {
  return withProfile(rows, run.log, async ({ of }) => {
    const peer = run.contenders.find(({ id }) => id === of)!;
    return profileParley(peer, plan, () => {});
  });
}
