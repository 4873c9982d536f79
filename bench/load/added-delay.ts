import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { type ServerProcess, startGateway, startServer } from '../processes.ts';
import { startRedis } from '../redis.ts';
import type { BenchResult, Log } from '../result.ts';
import { newTurnId, openClients } from './bench-client.ts';
import { configFile } from './cpu-per-token.ts';

export interface DelayOptions {
  streams: number;
  tokensPerSecond: number;
  seconds: number;
}

/** Delays of tokens from the provider's write to the client's read, sorted, milliseconds. */
class Delays {
  readonly #values: number[] = [];
  isOn = false;

  /** `text`: one or more times of sending, each with a space behind. */
  take(text: string): void {
    if (!this.isOn) return;
    const now = performance.timeOrigin + performance.now();
    for (const sent of text.trim().split(' ')) this.#values.push(now - Number(sent));
  }

  quantile(share: number): number {
    this.#values.sort((a, b) => a - b);
    return this.#values[Math.floor(this.#values.length * share)] ?? Number.NaN;
  }
}

/** What the gateway adds to the way of a token, compared with a client that reads the provider itself. */
export async function benchAddedDelay(options: DelayOptions, log: Log): Promise<BenchResult[]> {
  const upstream = await startServer('./load/paced-upstream.js', [String(options.tokensPerSecond), '1e9', 'times']);
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    log('direct');
    const direct = await measureDirect(upstream.url, options);
    const flags = ['--config', configFile(directory, upstream.url)];
    log('parley, embedded store');
    const embedded = await measure(await startGateway(['--data', join(directory, 'data'), ...flags]), options);
    const rows = resultsOf('embedded store', embedded, direct, options);
    const redis = await startRedis();
    if (redis === undefined) {
      log('redis-server is not installed: the Redis store is not measured');
      return rows;
    }
    log('parley, Redis store');
    const shared = await measure(await startGateway(['--store', redis.url, ...flags]), options);
    await redis.stop();
    return [...rows, ...resultsOf('Redis store', shared, direct, options)];
  } finally {
    await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function resultsOf(store: string, delays: Delays, direct: Delays, options: DelayOptions): BenchResult[] {
  const shares = [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const;
  return shares.map(([name, share]) => ({
    name: `delay of a token, ${store}, ${options.streams} streams × ${options.tokensPerSecond}/s, ${name}`,
    value: delays.quantile(share),
    unit: 'ms',
    baseline: direct.quantile(share),
    baselineName: 'a client that reads the provider itself',
    note: `added: ${(delays.quantile(share) - direct.quantile(share)).toFixed(2)} ms`,
  }));
}

async function measureDirect(url: string, { streams, seconds }: DelayOptions): Promise<Delays> {
  const delays = new Delays();
  const pool = new Pool(new URL(url).origin, { connections: null, bodyTimeout: 0, headersTimeout: 0 });
  const found = /"content":"([\d.]+) "/g;
  for (let i = 0; i < streams; i++) {
    const { body } = await pool.request({ path: '/v1/chat/completions', method: 'POST', body: '{}' });
    body.on('error', () => {});
    body.on('data', (data: Buffer) => {
      for (const [, time] of data.toString('latin1').matchAll(found)) delays.take(time!);
    });
  }
  await during(delays, seconds);
  await pool.destroy();
  return delays;
}

async function measure(gateway: ServerProcess, { streams, seconds }: DelayOptions): Promise<Delays> {
  const delays = new Delays();
  const clients = await openClients(gateway.url, streams);
  for (const client of clients) {
    client.onFrame = (frame) => {
      if (frame.t === 'delta') delays.take(frame.text);
    };
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'go' });
  }
  await during(delays, seconds);
  for (const client of clients) client.socket.terminate();
  await gateway.stop();
  return delays;
}

async function during(delays: Delays, seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  delays.isOn = true;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  delays.isOn = false;
}
