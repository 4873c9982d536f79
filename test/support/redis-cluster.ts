import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, type RedisServer, startRedisServer } from './redis-server.ts';

export interface RedisClusterServers {
  /** `redis-cluster://` of three of its nodes. */
  readonly url: string;
  /** Three masters, then a replica of each. */
  readonly servers: RedisServer[];
  /** Ports of the masters, as the Cluster sees it. */
  masters(): Promise<number[]>;
  stop(): Promise<void>;
}

const count = 3;
const slots = 16_384;

/** A Cluster of three masters, each with a replica that takes over within a second or two. */
export async function startRedisCluster(): Promise<RedisClusterServers> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-cluster-'));
  const busPorts: number[] = [];
  const servers: RedisServer[] = [];
  for (let i = 0; i < 2 * count; i++) {
    busPorts.push(await freePort());
    const own = join(directory, String(i));
    mkdirSync(own);
    const cluster = [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(busPorts[i]),
      '--cluster-node-timeout',
      '800',
    ];
    servers.push(await startRedisServer([...cluster, '--dir', own, '--repl-diskless-sync-delay', '0']));
  }
  const admins = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  for (const admin of admins) admin.on('error', () => {});
  for (const [i, admin] of admins.entries()) await admin.cluster('SET-CONFIG-EPOCH', i + 1);
  for (let i = 1; i < 2 * count; i++)
    await admins[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(servers[i]!.port), String(busPorts[i]));
  for (let i = 0; i < count; i++) {
    const [first, next] = [Math.floor((i * slots) / count), Math.floor(((i + 1) * slots) / count)];
    await admins[i]!.call('CLUSTER', 'ADDSLOTSRANGE', String(first), String(next - 1));
  }
  for (let i = 0; i < count; i++) {
    const master = String(await admins[i]!.cluster('MYID'));
    await until(async () => String(await admins[count + i]!.call('CLUSTER', 'NODES')).includes(master));
    await admins[count + i]!.call('CLUSTER', 'REPLICATE', master);
  }
  for (const [i, admin] of admins.entries()) {
    await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    await until(async () => String(await admin.call('CLUSTER', 'NODES')).split('slave').length === count + 1);
    if (i >= count) await until(async () => (await admin.info('replication')).includes('master_link_status:up'));
  }
  return {
    url: `redis-cluster://${servers
      .slice(0, count)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(',')}`,
    servers,
    async masters() {
      const alive = admins.find((admin) => admin.status === 'ready')!;
      const nodes = String(await alive.call('CLUSTER', 'NODES')).split('\n');
      return nodes
        .filter((line) => line.includes('master') && !line.includes('fail'))
        .map((line) => Number(/:(\d+)@/.exec(line)![1]));
    },
    async stop() {
      for (const admin of admins) admin.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 25));
}
