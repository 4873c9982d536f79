import { expect, test } from 'vitest';
import { middleOutcomes } from '../../../bench/suites/streams.ts';

const round = (...bytes: (number | undefined)[]) =>
  bytes.map((bytesPerConnection, i) => ({
    id: `${i}`,
    name: `${i}`,
    ...(bytesPerConnection === undefined
      ? { failure: 'it did not start' }
      : { answer: { bytesPerConnection, connections: 8 } }),
  }));

test('each contender’s figure is the one in the middle of its rounds, whichever of them failed', () => {
  const outcomes = middleOutcomes([round(9, undefined, undefined), round(1, 5, undefined), round(4, 3, undefined)]);
  expect(outcomes).toEqual([
    { id: '0', name: '0', answer: { bytesPerConnection: 4, connections: 8, all: [1, 4, 9] } },
    { id: '1', name: '1', answer: { bytesPerConnection: 5, connections: 8, all: [3, 5] } },
    { id: '2', name: '2', failure: 'it did not start' },
  ]);
});
