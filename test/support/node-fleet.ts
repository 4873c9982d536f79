import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import { createUlidMaker } from '../../src/lib/ulid.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import type { RedisServer } from './redis-server.ts';
import { seededRandom } from './seeded-random.ts';
import { type UpstreamDouble, startUpstreamDouble } from './upstream-double/start-upstream-double.ts';

export interface FleetOptions {
  redis: RedisServer;
  seed: number;
  /** Default 3. */
  nodes?: number;
  /** Of every answer. */
  tokens: number;
  intervalMs: number;
  onCrash?: 'end' | 'continue';
  config?: ConfigInput;
}

/** Several gateway processes on one Redis, and the provider that they all ask. */
export interface Fleet {
  readonly seed: number;
  readonly tokens: number;
  readonly nodes: readonly GatewayProcess[];
  readonly double: UpstreamDouble;
  readonly redis: RedisServer;
  readonly prefix: string;
  /** What a run does by chance: the same for the same seed. */
  readonly random: () => number;
  readonly newTurnId: () => string;
  /** A connection to look at what the nodes stored. */
  readonly admin: Redis;
  /** The address of a node that new connections may go to: of those that were not taken out. */
  url(): string;
  /** New connections do not go there any more. */
  takeOut(node: GatewayProcess): void;
  inUse(): readonly GatewayProcess[];
  /** Upstream calls from now on are answered fast: what is to be seen is over. */
  hurry(): void;
}

let count = 0;

/** Starts the built `parley serve` so many times; all ends with the test. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { redis, seed, tokens, intervalMs, onCrash = 'end', config = {} } = options;
  const double = await startUpstreamDouble({ plan: { kind: 'stream', seed, tokens, intervalMs } });
  onTestFinished(() => double.close());
  const prefix = `f${process.pid}_${count++}`;
  const upstream = {
    name: 'double',
    wire: 'openai-chat',
    baseUrl: double.url,
    defaultModel: 'gpt-4o',
    assistantPrefix: 'trailing',
    onCrash,
  } as const;
  // limits that nobody reaches: every turn reserves and settles
  const quotas = {
    tenant: { costUsdPerMonth: 1_000_000, concurrentTurns: 100_000 },
    user: { outputTokensPerDay: 1e9 },
  };
  const settings = { quotas, store: redis.url, redisPrefix: prefix, leaseMs: 1_000, upstreams: [upstream], ...config };
  const nodes = await Promise.all(Array.from({ length: options.nodes ?? 3 }, () => startGatewayProcess(settings)));
  const admin = new Redis(redis.url);
  admin.on('error', () => {});
  onTestFinished(() => admin.disconnect());
  const random = seededRandom(seed);
  const out = new Set<GatewayProcess>();
  let next = 0;
  const inUse = (): GatewayProcess[] => nodes.filter((node) => !out.has(node));
  return {
    seed,
    tokens,
    nodes,
    double,
    redis,
    prefix,
    random,
    newTurnId: createUlidMaker(
      () => seed,
      (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
    ),
    admin,
    url() {
      const open = inUse();
      return open[next++ % open.length]!.url;
    },
    takeOut: (node) => void out.add(node),
    inUse,
    // so many sessions at once would only measure how fast this machine is
    hurry: () => double.setPlan({ kind: 'stream', seed, tokens, intervalMs: process.env.PARLEY_LONG ? 50 : 2 }),
  };
}
