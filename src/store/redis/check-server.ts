import type { Cluster, Redis } from 'ioredis';
import { StoreError, StoreStartError } from '../store-error.ts';

/** As `checkServer`, for each server that takes writes. */
export async function checkServers(connection: Redis | Cluster): Promise<string[]> {
  const servers = connection.isCluster ? (connection as Cluster).nodes('master') : [connection as Redis];
  const answers = await Promise.all(servers.map((server) => checkServer(server)));
  return [...new Set(answers.flat())];
}

/**
 * Looks at how the server is set up. Throws `StoreStartError` where it would throw conversations away, `StoreError` where
 * the connection went meanwhile; answers what the operator should know, one sentence each.
 */
async function checkServer(connection: Pick<Redis, 'call' | 'info'>): Promise<string[]> {
  const policy = (await readInfo(connection, 'memory')).get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    throw new StoreStartError(
      `Redis is set to delete keys when its memory is full (maxmemory-policy ${policy}): it would silently drop conversations and running turns. Set “maxmemory-policy noeviction” in redis.conf, or run: redis-cli CONFIG SET maxmemory-policy noeviction`,
    );
  }
  return checkPersistence(connection);
}

async function checkPersistence(connection: Pick<Redis, 'call' | 'info'>): Promise<string[]> {
  const persistence = await readInfo(connection, 'persistence');
  if (persistence.get('aof_enabled') === '1') {
    const flush = await readSetting(connection, 'appendfsync');
    if (flush === 'no')
      return [
        'Redis leaves it to the operating system when its append-only file reaches the disk; a power cut can lose half a minute of conversations. Set “appendfsync everysec” or “always”.',
      ];
    return [];
  }
  if (!persistence.has('aof_enabled'))
    return ['Redis does not say whether it keeps its data over a restart; make sure that its append-only file is on.'];
  const snapshots = await readSetting(connection, 'save');
  if (snapshots === undefined)
    return [
      'Redis has no append-only file, and does not say whether it makes snapshots (CONFIG is forbidden): a restart may lose conversations. Turn on “appendonly yes” if the service offers it.',
    ];
  if (snapshots === '')
    return [
      'Redis keeps nothing on disk: a restart loses every conversation. Set “appendonly yes” in redis.conf, or run: redis-cli CONFIG SET appendonly yes',
    ];
  return [
    'Redis keeps only snapshots on disk: a restart loses what was said since the last one. Set “appendonly yes” in redis.conf, or run: redis-cli CONFIG SET appendonly yes',
  ];
}

/** Lines `name:value` of one section; empty where the service does not allow INFO. */
async function readInfo(connection: Pick<Redis, 'info'>, section: string): Promise<Map<string, string>> {
  const text = (await connection.info(section).catch(ifForbidden(''))) ?? '';
  return new Map(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

/** Managed services often forbid CONFIG: then undefined. */
async function readSetting(connection: Pick<Redis, 'call'>, name: string): Promise<string | undefined> {
  const pair = await connection.call('config', 'get', name).catch(ifForbidden(undefined));
  return Array.isArray(pair) && typeof pair[1] === 'string' ? pair[1] : undefined;
}

/** An answer that says no is an answer; anything else means that the server is not there. */
function ifForbidden<Value>(value: Value): (error: Error) => Value {
  return (error) => {
    if (error.name === 'ReplyError') return value;
    throw new StoreError('Redis stopped answering while it was looked at; check --store.', error);
  };
}
