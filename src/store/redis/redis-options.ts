import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { RedisAddress } from '../redis-address.ts';
import { StoreStartError } from '../store-error.ts';

/** What the address does not say. */
export interface RedisSettings {
  tls: {
    /** PEM file of authorities; those of the system otherwise. */
    caFile?: string | undefined;
    /** PEM files by which this gateway proves itself. */
    certificateFile?: string | undefined;
    keyFile?: string | undefined;
    /** Name that the certificates must have, where the addresses are not in them. */
    servername?: string | undefined;
  };
  sentinelUsername?: string | undefined;
  sentinelPassword?: string | undefined;
  /** Commands may take this much longer than usual, milliseconds. */
  patienceMs?: number | undefined;
}

/** A server that refuses writes or loads its data is looked up again at most this often, milliseconds. */
const reconnectMs = 1_000;

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** attempt, 500) * (0.5 + Math.random() / 2);

/**
 * Nothing is sent twice and nothing hangs: ioredis would by default send again what may have run, and queue while
 * offline. A silent server is noticed within `socketTimeout`, and tried again so often that one that comes back is
 * found within two seconds. Commands are not gathered into pipelines by ioredis: it has one of them under way at a time, so
 * that an append would wait for a claim, and one that is cut off now and then never answers.
 */
const carefulOptions = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 2_000,
  connectTimeout: 1_500,
  socketTimeout: 1_500,
  retryStrategy,
} satisfies RedisOptions;

function patience({ patienceMs = 0 }: RedisSettings): Pick<RedisOptions, 'commandTimeout' | 'socketTimeout'> {
  return {
    commandTimeout: carefulOptions.commandTimeout + patienceMs,
    socketTimeout: carefulOptions.socketTimeout + patienceMs,
  };
}

/** Of one server, or of the master that the sentinels name. `isStarted`: from then on no absence is final. */
export function serverOptions(address: RedisAddress, settings: RedisSettings, isStarted: () => boolean): RedisOptions {
  const { username, password, database: db, masterName: name } = address;
  const tls = tlsOptions(address, settings);
  const common = {
    ...carefulOptions,
    ...patience(settings),
    username,
    password,
    db,
    reconnectOnError: createReconnectRule(),
  };
  if (address.kind === 'single') return { ...common, ...address.hosts[0]!, ...(tls === undefined ? {} : { tls }) };
  return {
    ...common,
    sentinels: address.hosts,
    name: name!,
    role: 'master',
    ...(settings.sentinelUsername === undefined ? {} : { sentinelUsername: settings.sentinelUsername }),
    ...(settings.sentinelPassword === undefined ? {} : { sentinelPassword: settings.sentinelPassword }),
    sentinelCommandTimeout: carefulOptions.commandTimeout,
    // without a number ioredis gives up for good when no sentinel answers
    sentinelRetryStrategy: (attempt) => (isStarted() ? retryStrategy(attempt) : null),
    ...(tls === undefined ? {} : { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

/**
 * MOVED, ASK, TRYAGAIN and CLUSTERDOWN say that a command was not run, so ioredis may send it again; it must not after a
 * connection that closed. Of a pipeline that moved in part it would repeat nothing and learn nothing.
 */
export function clusterOptions(address: RedisAddress, settings: RedisSettings): ClusterOptions {
  const tls = tlsOptions(address, settings);
  return {
    redisOptions: nodeOptions(address, settings),
    enableOfflineQueue: false,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 100,
    retryDelayOnTryAgain: 50,
    maxRedirections: 8,
    slotsRefreshTimeout: carefulOptions.connectTimeout,
    slotsRefreshInterval: 5_000,
    clusterRetryStrategy: retryStrategy,
    lazyConnect: true,
    // certificates are for names
    ...(tls === undefined ? {} : { dnsLookup: (name, callback) => callback(null, name) }),
  };
}

/** Of a connection to one node of a Cluster. */
export function nodeOptions(address: RedisAddress, settings: RedisSettings): RedisOptions {
  const tls = tlsOptions(address, settings);
  const { username, password } = address;
  return {
    ...carefulOptions,
    ...patience(settings),
    username,
    password,
    ...(tls === undefined ? {} : { tls }),
  };
}

/** Throws `StoreStartError` for a file that cannot be read. */
function tlsOptions(address: RedisAddress, { tls }: RedisSettings): ConnectionOptions | undefined {
  if (!address.tls) return undefined;
  const { caFile, certificateFile, keyFile, servername } = tls;
  return {
    ...(caFile === undefined ? {} : { ca: readPem(caFile, 'caFile') }),
    ...(certificateFile === undefined ? {} : { cert: readPem(certificateFile, 'certificateFile') }),
    ...(keyFile === undefined ? {} : { key: readPem(keyFile, 'keyFile') }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function readPem(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new StoreStartError(`The file ${path} cannot be read; check “redis.tls.${setting}”.`, cause);
  }
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
