import { cpuMicroseconds } from '../../src/load/process-usage.ts';
import { readServerMetrics } from '../../src/load/server-metrics.ts';
import type { OpenOptions, StreamClient } from './clients/contract.ts';
import { openClient, openMany } from './clients/open-client.ts';
import { startCpuProfile } from './cpu-profile.ts';
import { inspectProcess } from './inspector.ts';
import type { ProcessFigures, Target } from './job.ts';
import { profileText } from '../report/profile-text.ts';

/** The clients of a measure and how the target's processes fare meanwhile. */
export class Scene {
  readonly target: Target;
  readonly #broken: Promise<never>;
  #fail: (error: Error) => void = () => {};

  constructor(target: Target) {
    this.target = target;
    this.#broken = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // it is raced with what the measure waits for
    this.#broken.catch(() => {});
  }

  get openOptions(): OpenOptions {
    return { url: this.target.url, onFailure: this.#fail };
  }

  open(count: number): Promise<StreamClient[]> {
    return openMany(count, () => openClient(this.target.dialect, this.openOptions));
  }

  /** Rejects as soon as a connection fails. */
  wait(ms: number): Promise<void> {
    return this.orBroken(new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** Until what piled up while streams began has been worked off; a server that never gets there is measured as it is. */
  async steady(tokens: () => number, wantedPerSecond: number): Promise<void> {
    await this.wait(2_000);
    for (let tries = 0; tries < 8; tries++) {
      const before = tokens();
      await this.wait(1_000);
      if (Math.abs(tokens() - before - wantedPerSecond) < 0.03 * wantedPerSecond) return;
    }
  }

  orBroken<Value>(promise: Promise<Value>): Promise<Value> {
    return Promise.race([promise, this.#broken]);
  }

  /** Begins to watch the target; the function it answers ends that. */
  async watch(): Promise<() => Promise<Watched>> {
    const { pids, besidePid, metricsUrl } = this.target;
    const cpu = (of: readonly number[]): number => of.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
    const beside = besidePid === undefined ? [] : [besidePid];
    // reading it begins a new period
    if (metricsUrl !== undefined) await readServerMetrics(metricsUrl, undefined);
    const startedMs = performance.now();
    const [before, besideBefore] = [cpu(pids), cpu(beside)];
    return async () => {
      const microseconds = (performance.now() - startedMs) * 1_000;
      const used = cpu(pids) - before;
      const besideUsed = cpu(beside) - besideBefore;
      const metrics = metricsUrl === undefined ? undefined : await readServerMetrics(metricsUrl, undefined);
      return {
        cpuMicroseconds: used,
        seconds: microseconds / 1_000_000,
        cores: used / microseconds,
        ...(besidePid === undefined ? {} : { besideCores: besideUsed / microseconds }),
        ...(metrics === undefined ? {} : { loopDelayP99Ms: metrics.loopDelayP99Ms }),
      };
    };
  }

  /** Begins a profile of a target that is to be profiled; the function it answers ends that. */
  async profile(): Promise<() => Promise<{ profile?: string }>> {
    const { inspectorPort } = this.target;
    if (inspectorPort === undefined) return () => Promise.resolve({});
    const stop = await startCpuProfile(await inspectProcess(inspectorPort));
    return async () => ({ profile: profileText(await stop()) });
  }
}

export interface Watched extends ProcessFigures {
  cpuMicroseconds: number;
  seconds: number;
}
