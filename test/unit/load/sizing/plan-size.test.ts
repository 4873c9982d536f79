import { expect, test } from 'vitest';
import { assumedDemand, assumedRoom } from '../../../../src/load/sizing/assumptions.ts';
import { type CostModel, fitCosts } from '../../../../src/load/sizing/cost-model.ts';
import { fitLine, fitPair } from '../../../../src/load/sizing/least-squares.ts';
import { type Demand, planSize } from '../../../../src/load/sizing/plan-size.ts';
import { sizingText } from '../../../../src/load/sizing/sizing-text.ts';
import { sampleCurves, trueCosts } from './sample-curves.ts';

function expectClose(found: unknown, wanted: unknown): void {
  if (typeof wanted !== 'object' || wanted === null) return expect(Number(found) / Number(wanted)).toBeCloseTo(1, 3);
  for (const [key, value] of Object.entries(wanted)) expectClose((found as Record<string, unknown>)[key], value);
}

const model: CostModel = trueCosts;
const idle = (sockets: number): Demand => ({ sockets, streams: 0, tokensPerSecond: 0, turnsPerSecond: 0 });

test('a line and a pair of factors are found again, and factors are never below 0', () => {
  expectClose(
    fitLine([
      [0, 3],
      [10, 5],
      [20, 7],
    ]),
    { start: 3, slope: 0.2 },
  );
  expect(fitLine([[5, 7]])).toEqual({ start: 7, slope: 0 });
  expectClose(
    fitPair([
      [1, 10, 32],
      [10, 1, 23],
      [5, 5, 25],
    ]),
    [2, 3],
  );
  expect(
    fitPair([
      [1, 10, 10],
      [10, 1, -20],
    ]),
  ).toEqual([0, expect.closeTo(0.79, 2)]);
  // nothing tells the one from the other
  expect(
    fitPair([
      [1, 2, 4],
      [2, 4, 8],
    ]),
  ).toEqual([0, 2]);
  expect(fitPair([])).toEqual([0, 0]);
});

test('the costs are found again in curves that were made of them', () => {
  expectClose(fitCosts(sampleCurves()), trueCosts);
});

test('without Redis there is nothing of it, and a size is one of the embedded store', () => {
  const result = sampleCurves();
  const found = fitCosts({ ...result, points: result.points.filter(({ store }) => store === 'embedded') });
  expect([found.redis, found.measured.nodes]).toEqual([undefined, 1]);
  expect(planSize(found, assumedDemand(1_000_000), assumedRoom).store).toBe('embedded');
});

test('what one process carries is one process with its own store', () => {
  const size = planSize(model, idle(10_000), assumedRoom);
  expect(size).toMatchObject({ store: 'embedded', processes: 1 });
  expect(size.redis).toBeUndefined();
  expectClose(size, { cpuCores: 0.03, memoryBytes: 140e6 });
});

test.each([
  // 100,000 tokens/s × 50 µs are 5 cores, half of each is used, less what a process needs for itself
  [{ sockets: 2_000, streams: 2_000, tokensPerSecond: 50, turnsPerSecond: 0 }, assumedRoom, 'CPU', 11],
  [idle(30_001), assumedRoom, 'sockets measured', 3],
  [idle(30_000), { openFiles: 1_024, headroom: 0.5 }, 'open files', 59],
  [{ sockets: 9_000, streams: 9_000, tokensPerSecond: 0.1, turnsPerSecond: 0 }, assumedRoom, 'streams measured', 5],
] as const)('%j in %j is limited by %s', (demand, room, limitedBy, processes) => {
  expect(planSize(model, demand, room)).toMatchObject({ store: 'redis', limitedBy, processes });
});

test('Redis is counted by its commands, and is as many servers as its CPU takes', () => {
  const { redis } = planSize(model, assumedDemand(1_000_000), assumedRoom);
  // 2.5 million tokens and 12,500 turns a second
  expectClose(redis, { commandsPerSecond: 5_150_000, cpuCores: 25.75, servers: 52 });
});

test('a million sockets are sockets of so many streams, and the text says what was computed', () => {
  const demand = assumedDemand(1_000_000);
  expect(demand).toEqual({ sockets: 1_000_000, streams: 50_000, tokensPerSecond: 50, turnsPerSecond: 12_500 });
  const text = sizingText(model, demand, assumedRoom, planSize(model, demand, assumedRoom));
  expect(text).toMatch(/^1,000,000 sockets, 50,000 of them streaming 50 tokens\/s each, 12,500 turns\/s:\n/);
  expect(text).toMatch(/processes with the redis store, by CPU, /);
});
