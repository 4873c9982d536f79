import type { Config } from '../config/schema.ts';
import type { Store } from '../store/contract.ts';
import { openEmbeddedStore } from '../store/embedded/embedded-store.ts';
import { checkServers } from '../store/redis/check-server.ts';
import { connectRedis, type ConnectRedisOptions, connectSubscriber } from '../store/redis/connect-redis.ts';
import { createRedisStore } from '../store/redis/redis-store.ts';
import { ReplicaWait } from '../store/redis/replica-wait.ts';
import { StoreError, StoreStartError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/contract.ts';

/** Between two warnings that replicas lag, milliseconds. */
const warnEveryMs = 10_000;

/** A connection that goes while the store is opened is made anew, so many times in all. */
const tries = 3;

/** The configured store: `embedded`, or a Redis address for nodes that share one. Throws `StoreStartError`. */
export async function openStore(config: Config, node: string, logger: Logger): Promise<Store> {
  if (config.store === 'embedded')
    return openEmbeddedStore({
      directory: config.data,
      durability: config.durability,
      onTrouble: (error) =>
        logger.error({ error }, 'the database of the embedded store could not be written; it is tried again'),
    });
  const onTrouble = (error: Error): void =>
    logger.warn({ error: error.message }, 'trouble with the connection to Redis');
  const options = { url: config.store, settings: config.redis, onTrouble };
  for (let attempt = 1; ; attempt++) {
    try {
      return await openRedisStore(config, node, options, logger);
    } catch (error) {
      // also this process may have been what was silent: for longer than a server may be, while it loads what it needs
      if (!(error instanceof StoreError)) throw error;
      if (attempt === tries) throw new StoreStartError(error.message, error);
    }
  }
}

async function openRedisStore(
  config: Config,
  node: string,
  options: ConnectRedisOptions,
  logger: Logger,
): Promise<Store> {
  const connection = await connectRedis(options);
  try {
    for (const warning of await checkServers(connection)) logger.warn({}, warning);
    const subscriber = await connectSubscriber(options, connection);
    const waiting = await connectToWait(config, options, logger);
    return createRedisStore({
      connection,
      subscriber,
      prefix: config.redisPrefix,
      node,
      replicaWait: waiting?.replicaWait,
      async close() {
        subscriber.disconnect();
        waiting?.connection.disconnect();
        await connection.quit().catch(() => connection.disconnect());
      },
    });
  } catch (error) {
    connection.disconnect();
    throw error;
  }
}

/** Where ends are to wait for replicas: a connection for that alone. */
async function connectToWait(config: Config, options: ConnectRedisOptions, logger: Logger) {
  const { waitReplicas: replicas, waitMs } = config.redis;
  if (replicas === 0) return undefined;
  const connection = await connectRedis({ ...options, settings: { ...config.redis, patienceMs: waitMs } });
  let warnedMs = Number.NEGATIVE_INFINITY;
  const onTooFew = (): void => {
    if (performance.now() - warnedMs < warnEveryMs) return;
    warnedMs = performance.now();
    logger.warn({ replicas, waitMs }, 'replicas did not acknowledge an end in time; it was shown all the same');
  };
  return { connection, replicaWait: new ReplicaWait({ connection, replicas, waitMs, onTooFew }) };
}
