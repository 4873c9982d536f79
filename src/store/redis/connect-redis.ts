import { Redis, type RedisOptions } from 'ioredis';
import { StoreStartError } from '../store-error.ts';
import { type RedisConnection, withCommands } from './redis-commands.ts';

/** A server that refuses writes or loads its data is looked up again at most this often, milliseconds. */
const reconnectMs = 1_000;

/** The subscriber asks for a sign of life this often, and waits as long for it. */
const heartbeatMs = 1_500;

/**
 * Nothing is sent twice and nothing hangs: ioredis would by default send again what may have run, and queue while
 * offline. A silent server is noticed within `socketTimeout`, and tried again so often that one that comes back is
 * found within two seconds.
 */
export const carefulOptions: RedisOptions = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 2_000,
  connectTimeout: 1_500,
  socketTimeout: 1_500,
  enableAutoPipelining: true,
  retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 500) * (0.5 + Math.random() / 2),
};

/** Connects to one server. Throws `StoreStartError` when it cannot be reached now; later losses are retried. */
export async function connectRedis(url: string, onTrouble: (error: Error) => void): Promise<RedisConnection> {
  return withCommands(await connect(url, { ...carefulOptions, reconnectOnError: createReconnectRule() }, onTrouble));
}

/** A connection for messages alone; it subscribes again by itself after a loss. */
export async function connectSubscriber(url: string, onTrouble: (error: Error) => void): Promise<Redis> {
  const subscriber = await connect(url, carefulOptions, onTrouble);
  const heartbeat = setInterval(() => {
    if (subscriber.status === 'end') return clearInterval(heartbeat);
    // messages may be rare: only the answer to a question, or the socket's timeout, says that there is anybody
    if (subscriber.status === 'ready') subscriber.ping().catch(() => {});
  }, heartbeatMs);
  heartbeat.unref();
  return subscriber;
}

/** After a failover the address leads to another server; one that stays a replica must not be called up again and again. */
function createReconnectRule(): (error: Error) => boolean {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (!/^(READONLY|LOADING|MASTERDOWN)/.test(error.message) || performance.now() - lastMs < reconnectMs) return false;
    lastMs = performance.now();
    return true;
  };
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
