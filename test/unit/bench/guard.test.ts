import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findRegressions, type GuardFile, updateGuard } from '../../../bench/guard/compare-ratios.ts';
import { parseInstructions } from '../../../bench/guard/count-instructions.ts';
import { measurePair } from '../../../bench/guard/measure-pair.ts';

const file: GuardFile = {
  decode: { baseline: 'bare msgpackr', ratio: 2, allowedFactor: 1.5 },
  append: { baseline: 'a bare write', ratio: 1.2, allowedFactor: 2 },
};

test('operations that cost as much as they did, or somewhat more, are no regressions', () => {
  const measures = [
    { name: 'decode', ratio: 2.9 },
    { name: 'append', ratio: 0.6 },
  ];
  expect(findRegressions(measures, file)).toEqual([]);
});

test('one that costs far more is a sentence', () => {
  const measures = [
    { name: 'decode', ratio: 3.1 },
    { name: 'append', ratio: 1.2 },
  ];
  expect(findRegressions(measures, file)).toEqual([
    '“decode” takes 3.1 times as long as bare msgpackr, and took 2 times: 1.55 times its old cost, where 1.5 are allowed.',
  ]);
});

test('what only one of both knows is a sentence, and what was not measured is no success', () => {
  expect(findRegressions([{ name: 'encode', ratio: 1 }], { decode: file.decode! })).toEqual([
    '“encode” has no entry: run the guard with --update.',
    '“decode” has an entry and was not measured: run the guard with --update.',
  ]);
  expect(findRegressions([{ name: 'decode', ratio: Number.NaN }], { decode: file.decode! })).toHaveLength(1);
});

test('an update takes the new ratios and leaves the factors that somebody chose', () => {
  const measures = [
    { name: 'append', baselineName: 'a bare write', ratio: 1.23456 },
    { name: 'encode', baselineName: 'JSON.stringify', ratio: 1 },
  ];
  expect(updateGuard(measures, file, 1.6)).toEqual({
    append: { baseline: 'a bare write', ratio: 1.23, allowedFactor: 2 },
    encode: { baseline: 'JSON.stringify', ratio: 1, allowedFactor: 1.6 },
  });
});

test('an operation that does ten times the work of its baseline is found to', async () => {
  const work = (times: number): void => {
    let value = 0;
    for (let i = 0; i < times * 20_000; i++) value = (value + Math.sqrt(i)) % 7;
    if (value < 0) throw new Error('nothing is below 0');
  };
  const pair = {
    name: 'work',
    baselineName: 'a tenth of it',
    run: (times: number) => work(times * 10),
    baseline: work,
  };
  const { ratio } = await measurePair(pair, 15);
  expect(
    findRegressions([{ name: 'work', ratio }], { work: { baseline: '', ratio: 1, allowedFactor: 3 } }),
  ).toHaveLength(1);
  expect(findRegressions([{ name: 'work', ratio }], { work: { baseline: '', ratio: 10, allowedFactor: 3 } })).toEqual(
    [],
  );
});

test('instructions are read from perf, and are none where it does not count them', () => {
  expect(parseInstructions('some output of the child\n123456789,,instructions:u,400000,100.00,,\n')).toBe(123_456_789);
  expect(parseInstructions('<not supported>,,instructions:u,0,100.00,,\n')).toBeUndefined();
  expect(parseInstructions('')).toBeUndefined();
});

test('the file in git has a ratio for each operation, and room for what a shared machine does', () => {
  const entries = Object.values(
    JSON.parse(readFileSync(new URL('../../../bench/guard.json', import.meta.url), 'utf8')) as GuardFile,
  );
  expect(entries.length).toBeGreaterThan(10);
  for (const { ratio, allowedFactor } of entries) expect([ratio > 0, allowedFactor >= 1.2]).toEqual([true, true]);
});
