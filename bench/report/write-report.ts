import { readFileSync, writeFileSync } from 'node:fs';
import { ArgumentError } from '../arguments.ts';
import { curvesHtml } from '../curves/curves-html.ts';
import type { CurvesResult } from '../../src/load/sizing/curves.ts';
import { readCurves } from '../../src/load/sizing/read-curves.ts';
import { BenchError } from '../../src/load/worker-pool.ts';
import { reportHtml } from './report-html.ts';
import { resultSchema } from './result-schema.ts';

/** `npm run bench -- report FILE.json`: the page of a result, beside it. Answers the page's name; throws `ArgumentError`. */
export function writeReport(args: readonly string[]): string {
  const [file, ...more] = args;
  if (file === undefined || more.length > 0 || !file.endsWith('.json'))
    throw new ArgumentError('Name one result: npm run bench -- report bench/results/DATE.json');
  const page = file.replace(/\.json$/, '.html');
  const beside = resultSchema.safeParse(readJson(file));
  writeFileSync(page, beside.success ? reportHtml(beside.data) : curvesHtml(curvesOf(file)));
  return page;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new ArgumentError(`${file} cannot be read as JSON.`);
  }
}

function curvesOf(file: string): CurvesResult {
  try {
    return readCurves(file);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    throw new ArgumentError(`${file} is no result of npm run bench, nor of its curves.`);
  }
}
