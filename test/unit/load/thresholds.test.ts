import { expect, test } from 'vitest';
import { checkThresholds, parseThresholds } from '../../../src/load/thresholds.ts';
import { sampleRun } from './sample-run.ts';

const parse = (text: string) => parseThresholds(text, 'thresholds.yaml');

test('bounds are read with their units, nested or not', () => {
  expect(parse("errors.rate: '<1%'\nturn: { firstToken: { p99: '<= 1.5s' } }\nserver.memory.max: '<500MB'\n")).toEqual([
    { metric: 'errors.rate', condition: '<1%', comparison: '<', bound: 0.01 },
    { metric: 'turn.firstToken.p99', condition: '<= 1.5s', comparison: '<=', bound: 1_500 },
    { metric: 'server.memory.max', condition: '<500MB', comparison: '<', bound: 500 * 2 ** 20 },
  ]);
});

test.each([
  [
    "\nturn.firstToken.p98: '<1'",
    /^thresholds.yaml:2:1: “turn.firstToken.p98” is not a metric; there are connect.p99, /,
  ],
  ['errors.rate: 3', /^thresholds.yaml:1:1: “errors.rate” takes a comparison such as '<0.01' or '<1%', not “3”.$/],
  ["connect.p99: '<3MB'", /takes a comparison such as '<200ms', not “<3MB”/],
  ['{}', /^thresholds.yaml: the file has no thresholds.$/],
])('%j is refused with its place', (text, sentence) => {
  expect(() => parse(text)).toThrow(sentence);
});

test('a bound is kept or broken, and broken where nothing was measured', () => {
  const run = sampleRun({ firstTokenMs: [100, 200], errors: { overloaded: 1 } });
  const thresholds = parse(
    "turn.firstToken.max: '<=200ms'\nturn.firstToken.p50: '<100ms'\nerrors.count: '<1'\nresume.p99: '<1s'\ntenants.default.turns: '>=2'\n",
  );
  expect(checkThresholds(thresholds, run).map(({ metric, isMet }) => [metric, isMet])).toEqual([
    ['turn.firstToken.max', true],
    ['turn.firstToken.p50', false],
    ['errors.count', false],
    ['resume.p99', false],
    ['tenants.default.turns', true],
  ]);
});
