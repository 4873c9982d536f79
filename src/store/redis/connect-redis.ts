import { Cluster, Redis } from 'ioredis';
import { parseRedisAddress, type RedisAddress, withoutRedisPassword } from '../redis-address.ts';
import { StoreStartError } from '../store-error.ts';
import { gatherWrites } from './gather-writes.ts';
import { type RedisConnection, withCommands } from './redis-commands.ts';
import { clusterOptions, nodeOptions, type RedisSettings, serverOptions } from './redis-options.ts';
import { createNodeConnector } from './node-connector.ts';
import { RedisSubscriber } from './redis-subscriber.ts';

/** Longest wait for the first connection: a Cluster that is down is asked again and again, milliseconds. */
const startMs = 8_000;

export interface ConnectRedisOptions {
  /** As `parseRedisAddress` reads it. */
  url: string;
  settings?: RedisSettings | undefined;
  onTrouble(error: Error): void;
}

/**
 * Connects to a server, to the master that sentinels name, or to a Cluster. Throws `StoreStartError` when it cannot be
 * reached now; later losses are retried.
 */
export async function connectRedis({ url, settings = { tls: {} }, onTrouble }: ConnectRedisOptions) {
  const address = parseRedisAddress(url);
  let started = false;
  const connection: RedisConnection = withCommands(
    address.kind === 'cluster'
      ? new Cluster(address.hosts, clusterOptions(address, settings))
      : new Redis({ ...serverOptions(address, settings, () => started), lazyConnect: true }),
  );
  gatherWrites(connection);
  await begin(connection, url, onTrouble);
  started = true;
  return connection;
}

/** A connection for messages alone; it subscribes again by itself after a loss. In a Cluster any node has all messages. */
export async function connectSubscriber(
  { url, settings = { tls: {} }, onTrouble }: ConnectRedisOptions,
  connection: RedisConnection,
): Promise<RedisSubscriber> {
  const address = parseRedisAddress(url);
  let started = false;
  const subscriber = new Redis({
    ...(address.kind === 'cluster'
      ? { ...nodeOptions(address, settings), Connector: createNodeConnector(connection as Cluster, address.hosts) }
      : serverOptions(address, settings, () => started)),
    // `RedisSubscriber` does it: ioredis lets its own refusal go unhandled, which ends the process
    autoResubscribe: false,
    lazyConnect: true,
  });
  await begin(subscriber, url, onTrouble);
  started = true;
  return new RedisSubscriber(subscriber);
}

async function begin(connection: Redis | Cluster, url: string, onTrouble: (error: Error) => void): Promise<void> {
  connection.on('error', onTrouble);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no connection came about in time')), startMs);
  });
  try {
    await Promise.race([connection.connect(), tooLong]);
  } catch (cause) {
    connection.disconnect();
    throw new StoreStartError(`${nameOf(url)} cannot be reached; check --store.`, cause);
  } finally {
    clearTimeout(timer);
  }
}

const names: Record<RedisAddress['kind'], string> = {
  single: 'Redis at',
  sentinel: 'The master of the sentinels at',
  cluster: 'The Redis Cluster at',
};

function nameOf(url: string): string {
  return `${names[parseRedisAddress(url).kind]} ${withoutRedisPassword(url)}`;
}
