import { Redis, type RedisOptions } from 'ioredis';
import { StoreStartError } from '../store-error.ts';
import { type RedisConnection, withCommands } from './redis-commands.ts';

/**
 * Nothing is sent twice and nothing hangs: ioredis would by default send again what may have run, and queue while
 * offline. A silent server is noticed within `socketTimeout`.
 */
export const carefulOptions: RedisOptions = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 2_000,
  connectTimeout: 2_000,
  socketTimeout: 2_000,
  enableAutoPipelining: true,
  retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 1_000) * (0.5 + Math.random() / 2),
  reconnectOnError: (error) => (/^(READONLY|LOADING)/.test(error.message) ? 1 : false),
};

/** Connects to one server. Throws `StoreStartError` when it cannot be reached now; later losses are retried. */
export async function connectRedis(url: string, onTrouble: (error: Error) => void): Promise<RedisConnection> {
  return withCommands(await connect(url, carefulOptions, onTrouble));
}

/** A connection for messages alone; it subscribes again by itself after a loss. */
export function connectSubscriber(url: string, onTrouble: (error: Error) => void): Promise<Redis> {
  // nothing but a ping keeps it busy, so silence is no sign of trouble
  const { socketTimeout: _socketTimeout, commandTimeout: _commandTimeout, ...options } = carefulOptions;
  return connect(url, { ...options, keepAlive: 5_000 }, onTrouble);
}

async function connect(url: string, options: RedisOptions, onTrouble: (error: Error) => void): Promise<Redis> {
  const connection = new Redis(url, { ...options, lazyConnect: true });
  connection.on('error', onTrouble);
  try {
    await connection.connect();
    return connection;
  } catch (cause) {
    connection.disconnect();
    throw new StoreStartError(`Redis at ${withoutPassword(url)} cannot be reached; check --store.`, cause);
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  parsed.username = '';
  return parsed.toString();
}
