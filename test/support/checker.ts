import { expect } from 'vitest';
import type { EventFrame } from '../../protocol/down.ts';
import type { FinishedTurn } from '../../protocol/frames/history.ts';
import { createRedisKeys } from '../../src/store/redis/keys.ts';
import { checkContiguous, cutEvents, isEvent, textOf, transcript } from './assembled-text.ts';
import { checkRedisLedger } from './check-ledger.ts';
import type { Fleet } from './node-fleet.ts';
import type { Observer } from './observer.ts';
import { until } from './persistent-client.ts';
import { RawClient } from './raw-client.ts';
import { answerText } from './upstream-double/token-text.ts';
import { printVerdictLine } from './print-verdict.ts';

export interface Run {
  fleet: Fleet;
  /** Turns that were accepted, by session. */
  turns: ReadonlyMap<string, readonly string[]>;
  observers: readonly Observer[];
  /** Upstream calls that a turn may take. Default 1. */
  maxCalls?: number;
}

export interface Verdict {
  sessions: number;
  turns: number;
  ends: Record<string, number>;
  tokens: number;
}

/** Sessions that one socket of the checker reads. */
const sessionsPerSocket = 60;

/**
 * Judges a run by what its clients wrote down. Waits until every turn has ended and every observer has seen it; then one log
 * must be the truth for everybody: each turn is a prefix of what its upstream says (all of it when `completed`), accepted
 * once, ended once and nothing after it; every socket was told a slice of that log without gap or repeat, from its cursor
 * on; a fresh attach on every node and `history` agree; nothing is left unfinished in the store.
 */
export async function checkRun(run: Run): Promise<Verdict> {
  const { fleet, turns, observers, maxCalls = 1 } = run;
  const verdict: Verdict = { sessions: turns.size, turns: 0, ends: {}, tokens: 0 };
  const names = [...turns.keys()];
  const ends: Extract<EventFrame, { t: 'turn.ended' }>[] = [];
  const calls = new Map<string, number>();
  for (const { headers } of fleet.double.requests) {
    const turn = String(headers['x-client-request-id']);
    calls.set(turn, (calls.get(turn) ?? 0) + 1);
  }
  for (let at = 0; at < names.length; at += sessionsPerSocket) {
    const some = names.slice(at, at + sessionsPerSocket);
    const logs = await readLogs(fleet, some, turns);
    for (const name of some) {
      const log = logs.get(name)!;
      for (const event of log.events) if (event.t === 'turn.ended') ends.push(event);
      for (const turn of turns.get(name)!) {
        checkTurn(fleet, log.events, turn, verdict);
        expect(calls.get(turn) ?? 0, `upstream calls of ${turn}`).toBeLessThanOrEqual(maxCalls);
      }
      expect(log.history.map(({ turn }) => turn).sort(), `history of ${name}`).toEqual([...turns.get(name)!].sort());
      for (const finished of log.history) checkFinished(log.events, finished);
      for (const observer of observers) {
        if (observer.sessions.includes(name)) await checkObserver(observer, name, log.events, log.head);
      }
    }
  }
  await checkNothingLeft(fleet, names);
  await checkRedisLedger(fleet.admin, fleet.prefix, ends);
  return verdict;
}

interface Log {
  events: EventFrame[];
  head: number;
  history: FinishedTurn[];
}

/** What a client gets that comes now, from one node and the same from the others. */
async function readLogs(
  fleet: Fleet,
  names: readonly string[],
  turns: ReadonlyMap<string, readonly string[]>,
): Promise<Map<string, Log>> {
  const clients = await Promise.all(fleet.inUse().map(({ url }) => RawClient.connect(url)));
  const logs = new Map<string, Log>();
  for (const client of clients) {
    client.send(...names.map((session, s) => ({ t: 'attach', ref: s, s, session }) as const));
    await untilEnded(client, new Set(names.flatMap((name) => turns.get(name)!)), names.length);
    const byAlias = new Map<number, EventFrame[]>(names.map((_name, s) => [s, []]));
    for (const frame of client.frames) if (isEvent(frame)) byAlias.get(frame.s)!.push(frame);
    for (const [s, name] of names.entries()) {
      const events = byAlias.get(s)!;
      const head = checkContiguous(events, s, 0);
      const known = logs.get(name);
      if (known === undefined) logs.set(name, { events, head, history: await readHistory(client, s) });
      else expect(transcript(events, s), `${name} on another node`).toEqual(transcript(known.events, s));
    }
    await client.close();
  }
  return logs;
}

/** Until every attachment is live and every turn has ended. */
async function untilEnded(client: RawClient, turns: Set<string>, attachments: number): Promise<void> {
  for (let seen = 0, live = 0; live < attachments || turns.size > 0; ) {
    const frame = client.frames[seen];
    if (frame === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    seen++;
    if (frame.t === 'live') live++;
    else if (frame.t === 'turn.ended') turns.delete(frame.turn);
    else if (frame.t === 'error') throw new Error(`the checker was refused: ${frame.code} ${frame.message}`);
  }
}

async function readHistory(client: RawClient, s: number): Promise<FinishedTurn[]> {
  const turns: FinishedTurn[] = [];
  for (let before: number | undefined, ref = 10_000 + s; ; ) {
    client.send({ t: 'history', ref, s, before, limit: 100 });
    const page = await client.next('history', (answer) => answer.s === s && answer.ref === ref);
    turns.push(...page.turns);
    if (page.next === undefined) return turns;
    before = page.next;
  }
}

function checkTurn({ seed, tokens }: Fleet, events: readonly EventFrame[], turn: string, verdict: Verdict): void {
  const own = events.filter((event) => event.turn === turn);
  expect(
    own.filter((event) => event.t === 'turn.accepted'),
    `accepts of ${turn}`,
  ).toHaveLength(1);
  expect(
    own.filter((event) => event.t === 'turn.ended'),
    `ends of ${turn}`,
  ).toHaveLength(1);
  const end = own.at(-1)!;
  if (own[0]!.t !== 'turn.accepted' || end.t !== 'turn.ended')
    throw new Error(`${turn} has events before its accept or after its end`);
  const truth = answerText(seed, turn, tokens);
  const text = textOf(own, turn);
  expect(text, `text of ${turn}, ${end.status}`).toBe(end.status === 'completed' ? truth : truth.slice(0, text.length));
  verdict.turns++;
  verdict.ends[end.status] = (verdict.ends[end.status] ?? 0) + 1;
  verdict.tokens += end.usage.output;
}

function checkFinished(events: readonly EventFrame[], finished: FinishedTurn): void {
  const end = events.find((event) => event.t === 'turn.ended' && event.turn === finished.turn);
  expect(finished).toMatchObject({ text: textOf(events, finished.turn), status: (end as { status: string }).status });
}

async function checkObserver(
  observer: Observer,
  name: string,
  events: readonly EventFrame[],
  head: number,
): Promise<void> {
  await until(() => observer.cursorOf(name) >= head);
  let cursor = 0;
  for (const { after, attached, events: seen } of observer.lives.get(name)!) {
    expect(attached, `an attach of ${name}`).toMatchObject({
      outcome: after === undefined ? attached.outcome : 'resumed',
    });
    expect(attached.from).toBe(after ?? attached.from);
    expect(attached.from).toBeLessThanOrEqual(cursor);
    const end = checkContiguous(seen, attached.s, attached.from);
    expect(transcript(seen, attached.s)).toEqual(
      transcript(ofAlias(cutEvents(events, attached.from, end), attached.s), attached.s),
    );
    cursor = Math.max(cursor, end);
  }
  expect(cursor).toBe(head);
}

function ofAlias(events: readonly EventFrame[], s: number): EventFrame[] {
  return events.map((event) => ({ ...event, s }));
}

async function checkNothingLeft({ admin, prefix }: Fleet, names: readonly string[]): Promise<void> {
  const keys = createRedisKeys(prefix);
  for (const session of names) {
    const key = { tenant: 'default', session };
    // an end is shown when it is stored, and by then nothing of the turn is left
    expect(await admin.hmget(keys.session(key), 'running', 'owner', 'orphaned'), session).toEqual([null, null, null]);
    expect(await admin.llen(keys.queue(key)), session).toBe(0);
  }
}

/** One line that says what happened; times are told, never judged. */
export function printVerdict(name: string, { fleet }: Run, verdict: Verdict, more: Record<string, unknown> = {}): void {
  printVerdictLine(name, fleet.seed, { seed: fleet.seed, ...verdict, ...more });
}
