import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { startGateway, startServer } from '../processes.ts';
import type { BenchResult, Log } from '../result.ts';
import { newTurnId, openClients } from './bench-client.ts';
import { configFile } from './cpu-per-token.ts';

/** From the cancel frame to the moment the provider sees its connection closed, all streams running, cancelled in random order. */
export async function benchCancelLatency(streams: number, log: Log): Promise<BenchResult[]> {
  const upstream = await startServer('./load/paced-upstream.js', ['10']);
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const closed = new Map<string, (atMs: number) => void>();
  upstream.onMessage((message) => {
    const { closed: turn, atMs } = message as { closed: string; atMs: number };
    closed.get(turn)?.(atMs);
  });
  /** Cancels one after another, a few milliseconds apart, and answers the sorted delays in milliseconds. */
  async function measure(turns: readonly string[], cancel: (turn: string) => void): Promise<number[]> {
    const delays = turns.map(async (turn, i) => {
      await pause(i * 4);
      const sentMs = performance.timeOrigin + performance.now();
      const seen = new Promise<number>((resolve) => closed.set(turn, resolve));
      cancel(turn);
      return (await seen) - sentMs;
    });
    return (await Promise.all(delays)).sort((a, b) => a - b);
  }
  try {
    const pool = new Pool(new URL(upstream.url).origin, { connections: null, bodyTimeout: 0, headersTimeout: 0 });
    const bareTurns = Array.from({ length: streams }, newTurnId);
    const controllers = new Map(bareTurns.map((turn) => [turn, new AbortController()]));
    await Promise.all(bareTurns.map((turn) => openBare(pool, turn, controllers.get(turn)!)));
    await pause(1_000);
    log(`bare: ${streams} streams are running`);
    const bare = await measure(bareTurns, (turn) => controllers.get(turn)?.abort());
    await pool.destroy();

    const gateway = await startGateway([
      '--data',
      join(directory, 'data'),
      '--config',
      configFile(directory, upstream.url),
    ]);
    const clients = await openClients(gateway.url, streams, (open) => log(`parley: ${open}/${streams} sockets`));
    const clientOf = new Map(clients.map((client) => [newTurnId(), client]));
    for (const [turn, client] of clientOf) client.send({ t: 'turn', s: 0, id: turn, input: 'go' });
    await pause(2_000);
    log(`parley: ${streams} streams are running`);
    const parley = await measure([...clientOf.keys()], (turn) => clientOf.get(turn)?.send({ t: 'cancel', s: 0, turn }));
    for (const client of clients) client.socket.terminate();
    await gateway.stop();
    const baselineName = 'bare undici abort in the client itself, no gateway between';
    return (
      [
        ['p50', 0.5],
        ['p99', 0.99],
      ] as const
    ).map(([name, share]) => ({
      name: `cancel frame → upstream connection closed, ${streams} streams, ${name}`,
      value: at(parley, share),
      unit: 'ms',
      baseline: at(bare, share),
      baselineName,
    }));
  } finally {
    await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function openBare(pool: Pool, turn: string, controller: AbortController): Promise<void> {
  const { body } = await pool.request({
    path: '/v1/chat/completions',
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-client-request-id': turn },
    body: '{}',
    signal: controller.signal,
  });
  body.on('data', () => {});
  body.on('error', () => {});
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
