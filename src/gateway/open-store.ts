import type { Config } from '../config/schema.ts';
import type { Store } from '../store/contract.ts';
import { openEmbeddedStore } from '../store/embedded/embedded-store.ts';
import { checkServers } from '../store/redis/check-server.ts';
import { connectRedis, connectSubscriber } from '../store/redis/connect-redis.ts';
import { createRedisStore } from '../store/redis/redis-store.ts';
import type { Logger } from '../telemetry/contract.ts';

/** The configured store: `embedded`, or a Redis address for nodes that share one. Throws `StoreStartError`. */
export async function openStore(config: Config, node: string, logger: Logger): Promise<Store> {
  if (config.store === 'embedded') return openEmbeddedStore({ directory: config.data, durability: config.durability });
  const onTrouble = (error: Error): void =>
    logger.warn({ error: error.message }, 'trouble with the connection to Redis');
  const options = { url: config.store, settings: config.redis, onTrouble };
  const connection = await connectRedis(options);
  try {
    for (const warning of await checkServers(connection)) logger.warn({}, warning);
    const subscriber = await connectSubscriber(options, connection);
    return createRedisStore({
      connection,
      subscriber,
      prefix: config.redisPrefix,
      node,
      async close() {
        subscriber.disconnect();
        await connection.quit().catch(() => connection.disconnect());
      },
    });
  } catch (error) {
    connection.disconnect();
    throw error;
  }
}
