import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Log } from '../result.ts';
import type { PairMeasure } from './measure-pair.ts';

const execute = promisify(execFile);
const spentMs = 400;

/**
 * Instructions per operation by `perf stat`, as the difference of a child that runs an operation often and one that runs it once.
 * Empty, with a line that says so, where the machine counts none: virtual machines mostly do not.
 */
export async function countInstructions(
  measures: readonly Pick<PairMeasure, 'name' | 'microseconds'>[],
  log: Log,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { name, microseconds } of measures) {
    const times = Math.max(2, Math.round((spentMs * 1_000) / microseconds));
    const once = await instructionsOf(name, 1);
    const often = once === undefined ? undefined : await instructionsOf(name, times);
    if (once === undefined || often === undefined) {
      log('instructions are left out: “perf stat -e instructions:u” does not count them on this machine');
      return new Map();
    }
    found.set(name, Math.max(0, often - once) / (times - 1));
  }
  return found;
}

async function instructionsOf(name: string, times: number): Promise<number | undefined> {
  const child = [process.argv[1]!, 'guard', '--instructions', name, String(times)];
  try {
    const { stderr } = await execute('perf', ['stat', '-x', ',', '-e', 'instructions:u', process.execPath, ...child]);
    return parseInstructions(stderr);
  } catch {
    return undefined;
  }
}

/** The count in what `perf stat -x ,` prints; undefined for `<not supported>`. */
export function parseInstructions(text: string): number | undefined {
  const line = text.split('\n').find((row) => row.includes('instructions'));
  const count = Number(line?.split(',')[0] ?? Number.NaN);
  return Number.isFinite(count) && count > 0 ? count : undefined;
}
