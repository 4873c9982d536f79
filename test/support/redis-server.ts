import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends the process by its id. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A real redis-server on a free port, without persistence unless `args` say otherwise; `tls` as a client needs it. */
export async function startRedisServer(
  args: string[] = [],
  port?: number,
  tls?: ConnectionOptions,
): Promise<RedisServer> {
  const chosen = port ?? (await freePort());
  const ports = tls === undefined ? ['--port', String(chosen)] : ['--port', '0', '--tls-port', String(chosen)];
  return startProcess([...ports, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...args], chosen, tls);
}

/** Runs redis-server with these arguments and waits until it answers on `chosen`. */
export async function startProcess(args: string[], chosen: number, tls?: ConnectionOptions): Promise<RedisServer> {
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilReady(child, chosen, tls);
  return {
    url: `${tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${chosen}`,
    port: chosen,
    pid: child.pid!,
    async stop(signal = 'SIGKILL') {
      child.kill(signal);
      await exited;
    },
  };
}

async function untilReady(child: ChildProcess, port: number, tls?: ConnectionOptions): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`redis-server stopped with ${child.exitCode}`);
    const probe = new Redis(port, '127.0.0.1', {
      lazyConnect: true,
      retryStrategy: () => null,
      ...(tls && { tls }),
    });
    probe.on('error', () => {});
    try {
      await probe.connect();
      await probe.ping();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    } finally {
      probe.disconnect();
    }
  }
  throw new Error('redis-server did not answer');
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
