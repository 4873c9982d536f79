import { readFileSync } from 'node:fs';
import { resultVersion, type RunResult } from './result.ts';
import { BenchError } from './worker-pool.ts';

/** Reads what `--out` wrote. Throws `BenchError`. */
export function readResult(file: string): RunResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new BenchError(`The result ${file} cannot be read.`);
  }
  let value: Partial<RunResult> | null;
  try {
    value = JSON.parse(text) as Partial<RunResult> | null;
  } catch {
    value = null;
  }
  if (value?.format !== 'parley-bench') throw new BenchError(`${file} is not a result of “parley bench --out”.`);
  if (value.version !== resultVersion)
    throw new BenchError(
      `${file} has version ${value.version} of the results; this Parley reads version ${resultVersion}.`,
    );
  return value as RunResult;
}
