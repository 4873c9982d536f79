import type { SharedStore } from '../../src/store/contract.ts';
import { connectRedis, connectSubscriber } from '../../src/store/redis/connect-redis.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';

export interface OpenRedisStoreOptions {
  url: string;
  prefix: string;
  node: string;
  leaseMs?: number;
  segmentBytes?: number;
}

/** A store on real connections whose node holds its lease. */
export async function openRedisStore({ url, prefix, node, leaseMs = 60_000, segmentBytes }: OpenRedisStoreOptions) {
  const options = { url, onTrouble: () => {} };
  const connection = await connectRedis(options);
  const subscriber = await connectSubscriber(options, connection);
  const store: SharedStore = createRedisStore({
    connection,
    subscriber,
    prefix,
    node,
    segmentBytes,
    async close() {
      subscriber.disconnect();
      connection.disconnect();
    },
  });
  await store.joinNodes(leaseMs);
  return store;
}
