import { readFileSync } from 'node:fs';
import { BenchError } from '../worker-pool.ts';
import { type CurvesResult, curvesVersion } from './curves.ts';

/** Reads what `npm run bench -- curves` wrote. Throws `BenchError`. */
export function readCurves(file: string): CurvesResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new BenchError(`The curves ${file} cannot be read.`);
  }
  let value: Partial<CurvesResult> | null;
  try {
    value = JSON.parse(text) as Partial<CurvesResult> | null;
  } catch {
    value = null;
  }
  if (value?.format !== 'parley-curves') throw new BenchError(`${file} is not a result of “npm run bench -- curves”.`);
  if (value.version !== curvesVersion)
    throw new BenchError(
      `${file} has version ${value.version} of the curves; this Parley reads version ${curvesVersion}.`,
    );
  return value as CurvesResult;
}
