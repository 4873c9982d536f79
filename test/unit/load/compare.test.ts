import { expect, test } from 'vitest';
import { compareRuns, comparisonText } from '../../../src/load/compare.ts';
import { sampleRun } from './sample-run.ts';

const find = (a: number[], b: number[], name = 'first token p50') =>
  compareRuns(sampleRun({ firstTokenMs: a }), sampleRun({ firstTokenMs: b })).find((row) => row.name === name);

test('a difference that the seconds of a run show as well is noise', () => {
  expect(find([90, 110, 95, 105, 100, 130], [95, 105, 100, 104, 108, 90])?.isNoise).toBe(true);
});

test('one that is far beyond them is not', () => {
  expect(find([90, 110, 95, 105, 100, 100], [290, 310, 295, 305, 300, 300])?.isNoise).toBe(false);
});

test('a short run does not tell, and what only one of them measured is left out', () => {
  expect(find([90, 110], [290, 310])?.isNoise).toBeUndefined();
  expect(find([90], [100], 'resume p99')).toBeUndefined();
});

test('the table has ratios, and says why runs may not be comparable', () => {
  const a = sampleRun({ firstTokenMs: [100, 100, 100, 100, 100] });
  const b = sampleRun({ firstTokenMs: [200, 200, 200, 200, 200], name: 'other' });
  b.scenario = { ...b.scenario, users: 2 };
  b.generator.warnings.push('It was late.');
  const text = comparisonText(a, b);
  expect(text).toMatch(/^first token p50 +100 ms +200 ms +2\.00$/m);
  expect(text).toMatch(/^turns\/s +1 +1 +1\.00 +within noise$/m);
  expect(text).toContain('note: the scenarios differ.\nnote: B: It was late.\n');
});
