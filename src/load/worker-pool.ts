import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Erased, mergeErased } from './erase-sessions.ts';
import type { IntervalReport, OrderMessage, WorkerMessage, WorkerOrder } from './messages.ts';

/** What was asked for cannot be done; the message is a sentence for the user. */
export class BenchError extends Error {}

export interface WorkerPool {
  /** Ends the run early; running turns are still waited for. */
  stop(): void;
  /** Resolves when all workers are done; rejects with `BenchError` where one died. */
  readonly done: Promise<Erased>;
}

/** So that all workers have their orders before the first begins, milliseconds. */
const leadMs = 250;

/** Runs a load in processes of its own. `onInterval` is called for each second of each worker. */
export async function startWorkers(
  order: Omit<WorkerOrder, 't' | 'index' | 'startAt' | 'localAddress'>,
  localAddressOf: (index: number) => string | undefined,
  onInterval: (report: IntervalReport) => void,
): Promise<WorkerPool> {
  const main = fileURLToPath(new URL(`./worker-main${import.meta.url.slice(-3)}`, import.meta.url));
  const children = Array.from({ length: order.count }, () =>
    fork(main, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
  );
  const send = (child: ChildProcess, message: OrderMessage): void => {
    if (child.connected) child.send(message);
  };
  await Promise.all(children.map(ready));
  const startAt = Date.now() + leadMs;
  const done = children.map((child, index) => {
    send(child, { t: 'run', ...order, index, startAt, localAddress: localAddressOf(index) });
    return finished(child, onInterval);
  });
  return {
    stop: () => children.forEach((child) => send(child, { t: 'stop' })),
    done: Promise.all(done).then(
      (sessions) => mergeErased({ erased: 0, left: {} }, sessions),
      (error: unknown) => {
        for (const child of children) child.kill();
        throw error;
      },
    ),
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`A worker process stopped with ${code} before it began.`)));
  });
}

function finished(child: ChildProcess, onInterval: (report: IntervalReport) => void): Promise<Erased> {
  return new Promise((resolve, reject) => {
    let sessions: Erased | undefined;
    child.on('message', (message: WorkerMessage) => {
      if (message.t === 'interval') onInterval(message);
      if (message.t === 'done') sessions = message.sessions;
    });
    child.once('exit', (code, signal) => {
      if (sessions !== undefined) resolve(sessions);
      else reject(new Error(`A worker process was stopped by ${signal ?? code}.`));
    });
  });
}
