import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, type RedisServer, startProcess, startRedisServer } from './redis-server.ts';

export interface SentinelServers {
  /** `redis-sentinel://` of all sentinels. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: RedisServer[];
  stop(): Promise<void>;
}

const count = 3;

/** A master, its replica and three sentinels, who promote the replica about a second after the master fell silent. */
export async function startSentinels(): Promise<SentinelServers> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-sentinel-'));
  const master = await startRedisServer(['--repl-diskless-sync-delay', '0', '--dir', directory]);
  const replica = await startRedisServer([
    '--replicaof',
    `127.0.0.1 ${master.port}`,
    '--dbfilename',
    'r',
    '--dir',
    directory,
  ]);
  const sentinels: RedisServer[] = [];
  for (let i = 0; i < count; i++) {
    const port = await freePort();
    const file = join(directory, `sentinel-${i}.conf`);
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor mymaster 127.0.0.1 ${master.port} 2`,
      'sentinel down-after-milliseconds mymaster 700',
      'sentinel failover-timeout mymaster 5000',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    sentinels.push(await startProcess([file, '--sentinel'], port));
  }
  for (const { port } of sentinels) {
    const admin = new Redis(port, '127.0.0.1');
    // what it needs to know before it can promote: the replica, and enough of the others
    const knows = async (): Promise<boolean> => {
      const [, , ...rest] = (await admin.call('SENTINEL', 'MASTER', 'mymaster')) as string[];
      const value = (name: string): string | undefined => rest[rest.indexOf(name) + 1];
      return value('num-slaves') === '1' && value('num-other-sentinels') === String(count - 1);
    };
    while (!(await knows())) await new Promise((resolve) => setTimeout(resolve, 50));
    admin.disconnect();
  }
  return {
    url: `redis-sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/0?name=mymaster`,
    master,
    replica,
    sentinels,
    async stop() {
      await Promise.all([...sentinels, replica, master].map((server) => server.stop()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
