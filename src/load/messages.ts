import type { Erased } from './erase-sessions.ts';
import type { MetricsData } from './metrics.ts';
import type { Scenario } from './scenario.ts';

/** What a worker process is to do: its part of a run. */
export interface WorkerOrder {
  t: 'run';
  url: string;
  scenario: Scenario;
  seed: number;
  verifySeed: number | undefined;
  /** Which worker of how many. */
  index: number;
  count: number;
  localAddress: string | undefined;
  /** Whether the sessions of the run stay. */
  keepSessions: boolean;
  /** Milliseconds since 1970, the same for all. */
  startAt: number;
}

export interface IntervalReport {
  t: 'interval';
  /** Number of the second since the start; what is counted began in it. */
  second: number;
  metrics: MetricsData;
  openSockets: number;
  runningTurns: number;
  /** Of this process: how late its event loop was at worst, and the CPU it used. */
  loopDelayP99Ms: number;
  loopDelayMaxMs: number;
  cpuMicroseconds: number;
}

export type WorkerMessage = { t: 'ready' } | IntervalReport | { t: 'done'; sessions: Erased };
/** `stop`: end the run early. */
export type OrderMessage = WorkerOrder | { t: 'stop' };
