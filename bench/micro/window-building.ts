import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SessionContext } from '../../src/context/session-context.ts';
import { tokensForModel } from '../../src/gateway/model-tokens.ts';
import type { Window } from '../../src/context/window.ts';
import { GroupCommit } from '../../src/session/group-commit.ts';
import { Session } from '../../src/session/session.ts';
import type { SessionKey, Store, TurnEntry } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import type { TurnEnvironment } from '../../src/turn/contract.ts';
import { prepareWindow } from '../../src/turn/prepare-window.ts';
import type { OperationPair } from '../guard/measure-pair.ts';
import { median } from '../load/quantiles.ts';
import type { BenchResult, Log } from '../result.ts';

/** Nine turns of this size and the rest of a window fill the budget. */
const turnTokens = 200;
const maxTokens = 2_000;
const answer = 'one two three four five six seven eight nine ten '.repeat(18);
const warmRounds = 300;
const warmPerRound = 200;
const coldRounds = 400;

/** A session of so many turns and a node that has built its last window. */
interface Scene {
  context: SessionContext;
  build(context: SessionContext): Promise<Window>;
  /** Turns in its window. */
  kept: number;
}

/** What the start of a turn takes for its window, early and at turn 1,000, on the embedded store. */
export async function benchWindowBuilding(log: Log): Promise<BenchResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const store = openEmbeddedStore({ directory });
  try {
    const early = await speak(store, 'turn-10', 9);
    // windows breathe between two trims: those with the same number of turns are compared
    const late = await speak(store, 'turn-1000', 999, early.kept);
    const paged = await speak(store, 'turn-40', 39);
    const [warmLate, warmEarly] = await compare([late, early], warmRounds, async ({ build, context }) => {
      const startedMs = performance.now();
      for (let i = 0; i < warmPerRound; i++) await build(context);
      return ((performance.now() - startedMs) * 1_000) / warmPerRound;
    });
    const [coldLate, coldPaged] = await compare([late, paged], coldRounds, async ({ build, context }) => {
      context.forget();
      const startedMs = performance.now();
      await build(context);
      return (performance.now() - startedMs) * 1_000;
    });
    const note = `a window of ${early.kept} turns, ${maxTokens} tokens; goal: at most 1.1 times`;
    log(
      `warm ${warmEarly.toFixed(2)} → ${warmLate.toFixed(2)}, from the store ${coldPaged.toFixed(0)} → ${coldLate.toFixed(0)} µs`,
    );
    return [
      {
        name: 'window at turn 1,000, warm',
        value: warmLate,
        unit: 'µs',
        baseline: warmEarly,
        baselineName: 'at turn 10',
        note,
      },
      {
        name: 'window at turn 1,000, from the store',
        value: coldLate,
        unit: 'µs',
        baseline: coldPaged,
        baselineName: 'at turn 40, which reads a page as full',
        note: 'on a node that knows nothing of the session',
      },
    ];
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface WindowScene {
  pair: OperationPair;
  close(): Promise<void>;
}

/** For the guard: the window of a session on a node that knows it, beside what JSON takes for it. */
export async function openWindowScene(): Promise<WindowScene> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const store = openEmbeddedStore({ directory });
  const { build, context, kept } = await speak(store, 'guard', 40);
  const window = await build(context);
  return {
    pair: {
      name: `window of ${kept} turns, warm`,
      baselineName: 'JSON.stringify of it',
      async run(times) {
        for (let i = 0; i < times; i++) await build(context);
      },
      baseline(times) {
        for (let i = 0; i < times; i++) JSON.stringify(window);
      },
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes a session of `count` turns, and of a few more until its window holds `kept` turns. */
async function speak(store: Store, name: string, count: number, kept?: number): Promise<Scene> {
  const key = { tenant: 'bench', session: name };
  const settings = { system: 'Be brief, be kind, and say where you know it from.', window: { maxTokens } };
  const { session: stored } = await store.createSession(key, settings, 'epoch', 0);
  const commit = new GroupCommit(store, () => {});
  const session = new Session(stored, { store, commit, onReplayError: () => {} });
  const context = new SessionContext(store, key, 'epoch');
  const tokens = tokensForModel('gpt-4o');
  const frame = { id: 'now', input: 'And what then?' };
  const build = (from: SessionContext): Promise<Window> => {
    const environment = { contextOf: () => from, summaryFailed: () => false, limits: {} };
    const turn = { session, frame, tokens, inputTokens: 8, decision: undefined };
    return prepareWindow(environment as unknown as TurnEnvironment, turn, undefined);
  };
  for (let turns = 0; ; ) {
    const window = await build(context);
    const { turns: held } = window.report;
    if (turns >= count && held === (kept ?? held)) return { context, build, kept: held };
    const entry = entryOf(turns++, window);
    await store.claim(claimOf(key, entry.turn));
    await store.end({ ...key, entry, status: 'completed', head: turns * 1_000 });
    session.finishedTurns = turns;
    context.add(entry);
  }
}

/** Median microseconds of both, taken in turns, so that the machine treats them alike. */
async function compare(
  [one, other]: readonly [Scene, Scene],
  rounds: number,
  measure: (scene: Scene) => Promise<number>,
): Promise<[number, number]> {
  const taken: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    taken[0].push(await measure(one));
    taken[1].push(await measure(other));
  }
  return [median(taken[0]), median(taken[1])];
}

function claimOf(key: SessionKey, turn: string): Parameters<Store['claim']>[0] {
  const record = {
    turn,
    fingerprint: 'f',
    frame: { id: turn, input: 'x' },
    who: { subject: 'tester' },
    acceptedAt: 0,
    node: 'n',
  };
  return { ...key, record, onBusy: 'reject', maxQueuedTurns: 1 };
}

function entryOf(index: number, window: Window): TurnEntry {
  const turn = `turn-${index}`;
  const pos = index * 1_000;
  const usage = { input: 1, output: 1, reasoning: 0, cached: 0, source: 'counted' } as const;
  return {
    turn,
    fingerprint: 'f',
    events: [
      { t: 'turn.accepted', pos, turn, input: `question ${index}`, at: 0 },
      { t: 'turn.routed', pos: pos + 1, turn, upstream: 'u', model: 'm', window: window.report, sent: window.sent },
      { t: 'delta', pos: pos + 2, turn, text: answer.slice(0, 997), tokens: turnTokens },
      { t: 'turn.ended', pos: pos + 999, turn, status: 'completed', usage, timing: { queuedMs: 0, totalMs: 1 } },
    ],
    inputTokens: 10,
    outputTokens: turnTokens - 10,
  };
}
