import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithParent, freePort, type ServerProcess } from './processes.ts';

/** A redis-server of its own with an append-only file, as operators run it; undefined where none is installed. */
export async function startRedis(): Promise<ServerProcess | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-redis-'));
  const port = await freePort();
  const persistence = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--dir', directory];
  const child = endWithParent(spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', ...persistence]));
  const started = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', () => resolve(false));
    child.stdout.on('data', (data: Buffer) => {
      if (data.includes('Ready to accept connections')) resolve(true);
    });
  });
  if (!started) {
    rmSync(directory, { recursive: true, force: true });
    return undefined;
  }
  return {
    pid: child.pid!,
    url: `redis://127.0.0.1:${port}`,
    onMessage: () => {},
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
