import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerProcess, startGateway } from '../processes.ts';
import { startRedis } from '../redis.ts';
import type { Peer } from './contract.ts';

const common = {
  cancelledBy: 'a cancel message',
  dialect: { kind: 'parley' },
  metricsPath: '/metrics',
} as const;

export function parleyPeers(version: string): Peer[] {
  const does = 'Sessions, log, replay, exact token counts, limits and metrics on; msgpack over WebSocket';
  return [
    {
      ...common,
      id: 'parley',
      name: 'Parley, embedded store',
      version,
      does: `${does}; log in a file, the rest in LMDB.`,
      start: startEmbedded,
    },
    {
      ...common,
      id: 'parley-redis',
      name: 'Parley, Redis store',
      version,
      does: `${does}; everything in Redis with an append-only file, whose CPU is told apart.`,
      start: startOnRedis,
    },
  ];
}

async function startEmbedded(upstreamUrl: string, nodeFlags: readonly string[] = []): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const flags = ['--data', join(directory, 'data'), '--config', configFile(directory, upstreamUrl)];
  const gateway = await startGateway(flags, nodeFlags);
  return {
    ...gateway,
    async stop() {
      await gateway.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function startOnRedis(upstreamUrl: string, nodeFlags: readonly string[] = []): Promise<ServerProcess> {
  const redis = await startRedis();
  if (redis === undefined) throw new Error('redis-server is not installed.');
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const gateway = await startGateway(['--store', redis.url, '--config', configFile(directory, upstreamUrl)], nodeFlags);
  return {
    ...gateway,
    beside: { name: 'redis-server', pid: redis.pid },
    async stop() {
      await gateway.stop();
      await redis.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface ConfigOptions {
  windowTokens?: number;
  /** Of the upstream, as YAML in one line. */
  upstream?: string;
  /** Lines of YAML. */
  more?: string;
}

/** Beside a gateway's defaults: answers may be as long as the bench, and it tells its metrics. */
export function configFile(
  directory: string,
  upstreamUrl: string,
  { windowTokens, upstream = 'timeouts: { totalMs: 3600000 }', more = '' }: ConfigOptions = {},
): string {
  const file = join(directory, 'parley.yaml');
  writeFileSync(
    file,
    `upstreams:
  - { name: bench, wire: openai-chat, baseUrl: '${upstreamUrl}', defaultModel: gpt-4o, ${upstream} }
limits: { maxOutputTokens: 100000000${windowTokens === undefined ? '' : `, windowTokens: ${windowTokens}`} }
metrics: { enabled: true }
${more}`,
  );
  return file;
}
