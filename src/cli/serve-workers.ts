import { type ChildProcess, fork } from 'node:child_process';
import { type LoadConfigOptions, loadConfig } from '../config/load-config.ts';
import { checkRoutes } from '../gateway/live-routes.ts';
import { createLogger } from '../telemetry/logger.ts';
import { CommandError } from './command-error.ts';

/** A worker that dies sooner than this after its start is not started again at once, milliseconds. */
const restartMs = 1_000;

/**
 * Runs `count` gateway processes on one port; the kernel spreads the connections. A worker that dies is started anew, its
 * turns are ended by another. Answers when all have stopped after SIGTERM or SIGINT.
 */
export async function serveWorkers(count: number, args: readonly string[], options: LoadConfigOptions): Promise<void> {
  const config = loadConfig({ ...options, check: checkRoutes });
  if (config.store === 'embedded') {
    throw new CommandError('Several workers need a store that processes share; give one with --store redis://….', 2);
  }
  if (config.port === 0) throw new CommandError('Several workers share one port; give it with --port.', 2);
  if (config.transport === 'ws') throw new CommandError('Several workers on one port need the transport uws.', 2);
  const logger = createLogger(config.log);
  const workers = new Set<ChildProcess>();
  let stopping = false;

  await new Promise<void>((resolve) => {
    function start(): void {
      const worker = fork(process.argv[1]!, [...args], {
        env: { ...process.env, PARLEY_SHARE_PORT: '1', PARLEY_TRANSPORT: 'uws' },
      });
      workers.add(worker);
      worker.once('exit', (code, signal) => {
        workers.delete(worker);
        if (stopping) {
          if (workers.size === 0) resolve();
          return;
        }
        logger.error({ pid: worker.pid, code, signal }, 'a worker stopped; another is started');
        setTimeout(() => {
          if (!stopping) start();
        }, restartMs);
      });
    }
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping) return;
      stopping = true;
      for (const worker of workers) worker.kill(signal);
      if (workers.size === 0) resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => {
      for (const worker of workers) worker.kill('SIGHUP');
    });
    for (let i = 0; i < count; i++) start();
  });
}
