import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMicroseconds } from '../../src/load/process-usage.ts';
import { BenchClient, newTurnId } from '../load/bench-client.ts';
import { startCpuProfile } from '../load/cpu-profile.ts';
import { inspectorFlag, inspectProcess } from '../load/inspector.ts';
import { benchInput } from '../load/bench-input.ts';
import { monotonicMicros, now } from '../load/time.ts';
import { quantilesOf } from '../load/quantiles.ts';
import { configFile } from '../peers/parley.ts';
import { freePort, type ServerProcess, startGateway, startServer } from '../processes.ts';
import { partOf, profileText } from '../report/profile-text.ts';
import type { Figure, Log, ResultRow } from '../result.ts';
import type { BenchRun } from '../side-by-side.ts';
import { withProfile } from '../with-profile.ts';

/** Ten turns of this size fill a window of 2,000 tokens. */
const answerTokens = 200;

interface Scene {
  gateway: ServerProcess;
  /** When the upstream got the request of a turn: milliseconds since 1970. */
  started: Map<string, number>;
}

interface Speaker {
  client: BenchClient;
  turns: number;
}

/** What a long history costs the start of a turn, all the way from its frame to the request at the upstream. */
export async function benchTurnStart(run: BenchRun): Promise<ResultRow[]> {
  const late = run.isQuick ? 300 : 1_000;
  const windows = [
    ['full at both', 2_000, 'a window of 2,000 tokens, which ten turns fill: what the history itself costs'],
    [
      'default window',
      undefined,
      'the default window of 32,768 tokens, so that the later turn also sends more to the upstream',
    ],
  ] as const;
  const rows: ResultRow[] = [];
  for (const [name, windowTokens, explanation] of windows) {
    const log: Log = (line) => run.log(`${name}: ${line}`);
    const [early, after] = await measure(windowTokens, late, log);
    const parley = (of: string, id: string, figure: Measured): Figure => ({
      of,
      name: id,
      value: figure.startMs,
      details: { 'µs of CPU for the whole turn': figure.cpuMicroseconds },
    });
    const row: ResultRow = {
      id: `turn-start-${name.replaceAll(' ', '-')}`,
      suite: 'start',
      measure: `Start of turn ${late.toLocaleString('en-US')} against turn 10, ${name}`,
      unit: 'ms',
      better: 'less',
      method: `From the client’s turn frame to the request at the upstream, p50, turns of ${answerTokens} tokens one at a time, sessions of both ages in turns; ${explanation}. Embedded store.`,
      goal: { text: '≤ 1.1 × turn 10', limit: 1.1, times: 'turn-10' },
      figures: [parley('parley', `turn ${late.toLocaleString('en-US')}`, after), parley('turn-10', 'turn 10', early)],
    };
    rows.push(...(await withProfile([row], log, () => profileTurns(windowTokens, late))));
  }
  return rows;
}

interface Measured {
  startMs: number;
  cpuMicroseconds: number;
}

/** Of turns 10 to 19 of young sessions and as many of old ones. */
function measure(windowTokens: number | undefined, late: number, log: Log): Promise<[Measured, Measured]> {
  return takeTurns({ windowTokens, late, log }, async (scene, rounds) => {
    const times: [number[], number[]] = [[], []];
    const cpu: [number, number] = [0, 0];
    await rounds(async (side, turns) => {
      const before = cpuMicroseconds(scene.gateway.pid);
      times[side].push(...(await turns()));
      cpu[side] += cpuMicroseconds(scene.gateway.pid) - before;
    });
    return [0, 1].map((side) => ({
      startMs: quantilesOf(times[side]!).p50,
      cpuMicroseconds: cpu[side]! / times[side]!.length,
    })) as [Measured, Measured];
  });
}

/** What the gateway does meanwhile, the late turns and the early ones apart. */
async function profileTurns(windowTokens: number | undefined, late: number): Promise<string> {
  const inspectorPort = await freePort();
  const plan = { windowTokens, late, log: () => {}, nodeFlags: [inspectorFlag(inspectorPort)] };
  return takeTurns(plan, async (_scene, rounds) => {
    const spans: [Span[], Span[]] = [[], []];
    const stop = await startCpuProfile(await inspectProcess(inspectorPort));
    await rounds(async (side, turns) => {
      const from = monotonicMicros();
      await turns();
      spans[side].push([from, monotonicMicros()]);
    });
    const profile = await stop();
    const [early, after] = spans.map((of) => profileText(...of.map(([from, until]) => partOf(profile, from, until))));
    return `${after} Turn 10, for comparison. ${early}`;
  });
}

/** From and until, in microseconds. */
type Span = [number, number];

interface TurnsPlan {
  windowTokens: number | undefined;
  late: number;
  log: Log;
  nodeFlags?: readonly string[];
}

/** Ten times of the young sessions and then of the old ones: `turns` makes five turns of each and answers when they started. */
type Rounds = (measured: (side: 0 | 1, turns: () => Promise<number[]>) => Promise<void>) => Promise<void>;

/** A gateway with old sessions, and what `measure` makes of the rounds. */
async function takeTurns<Answer>(
  { windowTokens, late, log, nodeFlags = [] }: TurnsPlan,
  measure: (scene: Scene, rounds: Rounds) => Promise<Answer>,
): Promise<Answer> {
  const upstream = await startServer('./load/upstream.js', ['100', 'tells']);
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const flags = [
    '--data',
    join(directory, 'data'),
    '--config',
    configFile(directory, upstream.url, windowTokens === undefined ? {} : { windowTokens }),
  ];
  const gateway = await startGateway(flags, nodeFlags);
  const scene: Scene = { gateway, started: new Map() };
  upstream.onMessage((message) => {
    const { started, atMs } = message as { started?: string; atMs: number };
    if (started !== undefined) scene.started.set(started, atMs);
  });
  try {
    const old = await Promise.all(Array.from({ length: 10 }, () => speaker(scene, late - 1)));
    log(`${old.length} sessions of ${late - 1} turns`);
    return await measure(scene, async (measured) => {
      for (let round = 0; round < 10; round++) {
        const young = await Promise.all(Array.from({ length: 10 }, () => speaker(scene, 9)));
        await measured(0, () => fiveTurns(scene, young));
        await measured(1, () => fiveTurns(scene, old));
        for (const { client } of young) client.socket.terminate();
      }
    });
  } finally {
    await gateway.stop();
    await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The clock of CPU ticks a hundred times a second: each side gets many turns between two readings. */
async function fiveTurns(scene: Scene, speakers: readonly Speaker[]): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < 5; turn++) for (const one of speakers) times.push(await startOf(scene, one));
  return times;
}

async function speaker(scene: Scene, turns: number): Promise<Speaker> {
  const client = await BenchClient.open(scene.gateway.url);
  const one = { client, turns: 0 };
  while (one.turns < turns) await speak(one, newTurnId());
  return one;
}

async function startOf(scene: Scene, one: Speaker): Promise<number> {
  const turn = newTurnId();
  const sentMs = now();
  await speak(one, turn);
  // the upstream's message may come after the answer
  while (!scene.started.has(turn)) await new Promise((resolve) => setTimeout(resolve, 1));
  return scene.started.get(turn)! - sentMs;
}

function speak(one: Speaker, turn: string): Promise<void> {
  one.turns++;
  return new Promise((resolve, reject) => {
    one.client.onFrame = (frame) => {
      if (frame.t === 'turn.ended') resolve();
      if (frame.t === 'error') reject(new Error(`The gateway answered: ${frame.message}`));
    };
    one.client.send({ t: 'turn', s: 0, id: turn, input: benchInput(turn, answerTokens) });
  });
}
