import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeReport } from '../../../bench/report/write-report.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';
import { sampleCurves } from '../load/sizing/sample-curves.ts';
import { sampleResult, sampleRow } from './sample-result.ts';

test('the page of a result, and of curves, is written beside it', () => {
  const directory = temporaryDirectory();
  for (const [name, result, title] of [
    ['a', sampleResult(sampleRow({ parley: 21, nginx: 12 }, undefined)), 'Parley beside its peers'],
    ['b', sampleCurves(), 'Cost curves'],
  ] as const) {
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(result));
    expect(writeReport([join(directory, `${name}.json`)])).toBe(join(directory, `${name}.html`));
    expect(readFileSync(join(directory, `${name}.html`), 'utf8')).toContain(`<h1>${title}</h1>`);
  }
});

test('what is no result gets one sentence', () => {
  const file = join(temporaryDirectory(), 'a.json');
  expect(() => writeReport([])).toThrow('Name one result');
  expect(() => writeReport([file, file])).toThrow('Name one result');
  expect(() => writeReport([file])).toThrow(`${file} cannot be read as JSON.`);
  writeFileSync(file, '{}');
  expect(() => writeReport([file])).toThrow(`${file} is no result of npm run bench`);
});
