import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { type ServerProcess, startGateway, startServer } from '../processes.ts';
import { startRedis } from '../redis.ts';
import { cpuMicroseconds } from '../../src/load/process-usage.ts';
import type { BenchResult, Log } from '../result.ts';
import { newTurnId, openClients } from './bench-client.ts';

export interface CpuOptions {
  streams: number;
  tokensPerSecond: number;
  seconds: number;
}

interface Counter {
  readonly tokens: number;
}

/** CPU of the gateway per streamed token, one token per upstream write, next to a bare proxy in the same run. */
export async function benchCpuPerToken(options: CpuOptions, log: Log): Promise<BenchResult[]> {
  const { streams, tokensPerSecond } = options;
  const upstream = await startServer('./load/paced-upstream.js', [String(tokensPerSecond)]);
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const bare = await startServer('./peers/bare-ws-proxy.js', [upstream.url]);
    const bareTokens = await openBareStreams(bare.url, streams);
    const bareCpu = await measure('bare ws proxy', bare, bareTokens, options, log);
    await bare.stop();

    const flags = ['--config', configFile(directory, upstream.url)];
    const embedded = await startGateway(['--data', join(directory, 'data'), ...flags]);
    const cpu = await measureGateway('parley, embedded store', embedded, options, log);
    await embedded.stop();
    const load = `${streams} streams × ${tokensPerSecond}/s, counting and log on`;
    const results: BenchResult[] = [
      {
        name: `CPU per streamed token (${load})`,
        value: cpu,
        unit: 'µs',
        baseline: bareCpu,
        baselineName: 'bare ws + undici proxy, no session, log or counting',
      },
    ];
    const redis = await startRedis();
    if (redis === undefined) {
      log('redis-server is not installed: the Redis store is not measured');
      return results;
    }
    const shared = await startGateway(['--store', redis.url, ...flags]);
    const redisBefore = cpuMicroseconds(redis.pid);
    const sharedCpu = await measureGateway('parley, Redis store', shared, options, log);
    const redisSeconds = (cpuMicroseconds(redis.pid) - redisBefore) / 1_000_000;
    await shared.stop();
    await redis.stop();
    results.push({
      name: `CPU of the gateway per streamed token, Redis log (${load})`,
      value: sharedCpu,
      unit: 'µs',
      baseline: cpu,
      baselineName: 'parley with the embedded store',
      note: `redis-server itself used ${redisSeconds.toFixed(1)} s of CPU meanwhile`,
    });
    return results;
  } finally {
    await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureGateway(name: string, gateway: ServerProcess, options: CpuOptions, log: Log): Promise<number> {
  const clients = await openClients(gateway.url, options.streams);
  for (const client of clients) client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'go' });
  const tokens = {
    get tokens() {
      return clients.reduce((sum, client) => sum + client.messages, 0);
    },
  };
  const cpu = await measure(name, gateway, tokens, options, log);
  for (const client of clients) client.socket.terminate();
  return cpu;
}

export function configFile(directory: string, upstreamUrl: string): string {
  const file = join(directory, 'parley.yaml');
  writeFileSync(
    file,
    `upstreams:\n  - { name: bench, wire: openai-chat, baseUrl: '${upstreamUrl}', defaultModel: gpt-4o, timeouts: { totalMs: 3600000 } }\nlimits: { maxOutputTokens: 100000000 }\n`,
  );
  return file;
}

async function openBareStreams(url: string, count: number): Promise<Counter> {
  const counter = { tokens: 0 };
  const opened = Array.from({ length: count }, async () => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise((resolve) => socket.once('open', resolve));
    socket.on('message', () => counter.tokens++);
    socket.send(JSON.stringify({ turn: newTurnId() }));
  });
  await Promise.all(opened);
  return counter;
}

async function measure(
  name: string,
  server: ServerProcess,
  counter: Counter,
  options: CpuOptions,
  log: Log,
): Promise<number> {
  await pause(2_000);
  const tokensBefore = counter.tokens;
  const cpuBefore = cpuMicroseconds(server.pid);
  for (let second = 1; second <= options.seconds; second++) {
    await pause(1_000);
    log(`${name}: ${second}/${options.seconds} s, ${Math.round((counter.tokens - tokensBefore) / second)} tokens/s`);
  }
  return (cpuMicroseconds(server.pid) - cpuBefore) / (counter.tokens - tokensBefore);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
