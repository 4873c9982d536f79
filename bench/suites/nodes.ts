import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerProcess, startGateway, startServer } from '../processes.ts';
import { startRedis } from '../redis.ts';
import { BenchClient, newTurnId } from '../load/bench-client.ts';
import { benchInput } from '../load/bench-input.ts';
import { configFile } from '../peers/parley.ts';
import { quantilesOf } from '../load/quantiles.ts';
import { now, pause } from '../load/time.ts';
import type { BenchResult, Log } from '../result.ts';

/** Two nodes on one Redis: cancels from the other node, and the takeover of one that is killed. */
export async function benchNodes(streams: number, log: Log): Promise<BenchResult[]> {
  const redis = await startRedis();
  if (redis === undefined) {
    log('redis-server is not installed: nothing is measured');
    return [];
  }
  const upstream = await startServer('./load/upstream.js', ['10', 'tells']);
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const flags = ['--store', redis.url, '--config', configFile(directory, upstream.url)];
  const [a, b] = [await startGateway(flags), await startGateway(flags)];
  try {
    const cancelled = await cancelAcross(a, b, upstream, streams, log);
    const taken = await takeOver(a, b, streams, log);
    return [...cancelled, ...taken];
  } finally {
    await b.stop();
    await a.stop();
    await upstream.stop();
    await redis.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Sockets on both nodes for each session, and a turn in each, which runs on A. */
async function startTurns(a: ServerProcess, b: ServerProcess, count: number, name: string) {
  const turns: { turn: string; onA: BenchClient; onB: BenchClient }[] = [];
  for (let i = 0; i < count; i++) {
    const onA = await BenchClient.open(a.url, { session: `${name}-${i}` });
    const onB = await BenchClient.open(b.url, { session: `${name}-${i}` });
    turns.push({ turn: newTurnId(), onA, onB });
  }
  for (const { turn, onA } of turns) onA.send({ t: 'turn', s: 0, id: turn, input: benchInput(turn, 0) });
  await pause(2_000);
  return turns;
}

async function cancelAcross(a: ServerProcess, b: ServerProcess, upstream: ServerProcess, count: number, log: Log) {
  const closed = new Map<string, (atMs: number) => void>();
  upstream.onMessage((message) => {
    const { closed: turn, atMs } = message as { closed?: string; atMs: number };
    if (turn !== undefined) closed.get(turn)?.(atMs);
  });
  const turns = await startTurns(a, b, count, 'cancel');
  log(`${count} turns run on one node and are cancelled from the other`);
  const delays = await Promise.all(
    turns.map(async ({ turn, onB }, i) => {
      await pause(i * 4);
      const sentMs = now();
      const seen = new Promise<number>((resolve) => closed.set(turn, resolve));
      onB.send({ t: 'cancel', s: 0, turn });
      return (await seen) - sentMs;
    }),
  );
  const { p50, p99 } = quantilesOf(delays);
  for (const { onA, onB } of turns) for (const client of [onA, onB]) client.socket.terminate();
  const row = (name: string, value: number): BenchResult => ({
    name: `cancel on another node → upstream connection closed, ${count} streams, ${name}`,
    value,
    unit: 'ms',
  });
  return [row('p50', p50), row('p99', p99)];
}

async function takeOver(a: ServerProcess, b: ServerProcess, count: number, log: Log): Promise<BenchResult[]> {
  const turns = await startTurns(a, b, count, 'taken');
  const ends = turns.map(
    ({ turn, onB }) =>
      new Promise<number>((resolve) => {
        onB.onFrame = (frame) => {
          if (frame.t === 'turn.ended' && frame.turn === turn) resolve(now());
        };
      }),
  );
  log(`${count} turns run on one node, which is killed`);
  const killedMs = now();
  await a.stop();
  const endedMs = await Promise.all(ends);
  for (const { onA, onB } of turns) for (const client of [onA, onB]) client.socket.terminate();
  return [
    {
      name: `kill -9 of a node → the last of its ${count} turns ended on the other, lease of 3 s`,
      value: (Math.max(...endedMs) - killedMs) / 1_000,
      unit: 's',
    },
  ];
}
