import { median } from '../load/quantiles.ts';

/** An operation of the hot path beside one that no change of Parley makes faster or slower. */
export interface OperationPair {
  name: string;
  baselineName: string;
  /** Each runs its operation so many times. */
  run(times: number): void | Promise<void>;
  baseline(times: number): void | Promise<void>;
}

export interface PairMeasure {
  name: string;
  baselineName: string;
  /** Of CPU time, of one operation. */
  microseconds: number;
  baselineMicroseconds: number;
  /** Median of the rounds' own ratios: what slows the machine down in a round slows both. */
  ratio: number;
}

const batchMs = 8;
const warmMs = 120;

/** Measures both in turns, in batches of some milliseconds. CPU time of the process, so garbage collection is in it. */
export async function measurePair(pair: OperationPair, rounds: number): Promise<PairMeasure> {
  const times = await timesPerBatch((count) => pair.run(count));
  const baselineTimes = await timesPerBatch((count) => pair.baseline(count));
  const [costs, baselines, ratios]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const cost = (await cpuMicroseconds(() => pair.run(times))) / times;
    const baseline = (await cpuMicroseconds(() => pair.baseline(baselineTimes))) / baselineTimes;
    costs!.push(cost);
    baselines!.push(baseline);
    ratios!.push(cost / baseline);
  }
  const { name, baselineName } = pair;
  return {
    name,
    baselineName,
    microseconds: median(costs!),
    baselineMicroseconds: median(baselines!),
    ratio: median(ratios!),
  };
}

/** How often an operation fits into a batch, after it was compiled. */
async function timesPerBatch(run: (times: number) => void | Promise<void>): Promise<number> {
  let times = 1;
  let spentMs = 0;
  for (;;) {
    const ms = (await cpuMicroseconds(() => run(times))) / 1_000;
    spentMs += ms;
    if (ms >= batchMs / 2 && spentMs >= warmMs) return Math.max(1, Math.round((times * batchMs) / ms));
    if (ms < batchMs) times *= 2;
  }
}

async function cpuMicroseconds(action: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  const running = action();
  if (running !== undefined) await running;
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
