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
  const connection = new Redis(url, { ...carefulOptions, lazyConnect: true });
  connection.on('error', onTrouble);
  try {
    await connection.connect();
  } catch (cause) {
    connection.disconnect();
    throw new StoreStartError(`Redis at ${withoutPassword(url)} cannot be reached; check --store.`, cause);
  }
  return withCommands(connection);
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  parsed.username = '';
  return parsed.toString();
}
