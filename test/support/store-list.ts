import { afterAll, beforeAll } from 'vitest';
import type { Store } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { createMemoryStore } from './memory-store.ts';
import { openRedisStore } from './open-redis-store.ts';
import { type RedisClusterServers, startRedisCluster } from './redis-cluster.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { temporaryDirectory } from './test-gateway.ts';

/** Every store that a contract holds for, each opened empty; their servers live as long as the test file that asks for the list. */
export function storeList(): { name: string; open(): Promise<Store> }[] {
  let redis: RedisServer;
  let cluster: RedisClusterServers;
  beforeAll(async () => {
    redis = await startRedisServer();
    cluster = await startRedisCluster();
  });
  afterAll(async () => {
    await redis.stop();
    await cluster.stop();
  });
  const openRedis = (url: string): Promise<Store> =>
    openRedisStore({ url, prefix: `test${Math.random().toString(36).slice(2)}`, node: 'n' });
  return [
    { name: 'embedded', open: async () => openEmbeddedStore({ directory: temporaryDirectory() }) },
    {
      name: 'embedded, durable on disk',
      open: async () => openEmbeddedStore({ directory: temporaryDirectory(), durability: 'disk' }),
    },
    { name: 'redis', open: () => openRedis(redis.url) },
    { name: 'redis cluster', open: () => openRedis(cluster.url) },
    { name: 'memory (the double of the race tests)', open: async () => createMemoryStore() },
  ];
}
