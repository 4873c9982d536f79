import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../lib/clock.ts';
import { eraseSessions } from './erase-sessions.ts';
import { type LoadRun, startLoadRun } from './load-run.ts';
import { loadSockets } from './load-socket.ts';
import type { OrderMessage, WorkerMessage, WorkerOrder } from './messages.ts';

/**
 * A worker process of `parley bench`: takes its part of a run from its parent, and tells it every second what it
 * measured.
 */
const intervalMs = 1_000;
let run: LoadRun | undefined;

process.on('message', (message) => {
  const order = message as OrderMessage;
  if (order.t === 'run') void work(order);
  else run?.stop();
});
// the parent is gone; an interrupt at the terminal is the parent's to handle
process.on('disconnect', () => process.exit(1));
process.on('SIGINT', () => {});
tell({ t: 'ready' });

async function work(order: WorkerOrder): Promise<void> {
  const loop = monitorEventLoopDelay({ resolution: 5 });
  let cpu = process.cpuUsage();
  let second = 0;
  const openSocket = loadSockets(order.url, order.localAddress);
  const running = startLoadRun(order, systemClock, openSocket);
  run = running;

  function report(): void {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    tell({
      t: 'interval',
      second: second++,
      metrics: running.takeMetrics(),
      openSockets: running.openSockets,
      runningTurns: running.runningTurns,
      loopDelayP99Ms: lateness(loop.percentile(99)),
      loopDelayMaxMs: lateness(loop.max),
      cpuMicroseconds: user + system,
    });
    loop.reset();
  }
  /** The histogram's times between two looks, without the time they are meant to be apart. */
  const lateness = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - 5);

  await new Promise((resolve) => setTimeout(resolve, Math.max(0, order.startAt - Date.now())));
  loop.enable();
  cpu = process.cpuUsage();
  const timer = setInterval(report, intervalMs);
  await running.done;
  clearInterval(timer);
  report();
  const sessions = await eraseSessions(running.made, openSocket);
  tell({ t: 'done', sessions }, () => process.exit(0));
}

function tell(message: WorkerMessage, onSent: () => void = () => {}): void {
  process.send!(message, onSent);
}
