import { expect, test } from 'vitest';
import { parseServerMetrics } from '../../../src/load/server-metrics.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const gauges = { sockets: () => 0, sessions: () => 0, liveTurns: () => 0, waitingTurns: () => 0 };

test('what a gateway tells of its process is read', async () => {
  const metrics = createMetrics({ gauges, process: true });
  const told = parseServerMetrics(await metrics.text(), 'http://gateway/metrics');
  metrics.close();
  expect(told.heapUsedBytes).toBeGreaterThan(1e6);
  expect(told.residentBytes).toBeGreaterThan(told.heapUsedBytes);
  expect(told.cpuSeconds).toBeGreaterThan(0);
  expect(told.loopDelayP99Ms).toBeGreaterThanOrEqual(0);
});

test('figures without those of the process are a sentence', async () => {
  const metrics = createMetrics({ gauges, process: false });
  const text = await metrics.text();
  expect(() => parseServerMetrics(text, 'http://gateway/metrics')).toThrow(
    'The metrics at http://gateway/metrics have no nodejs_heap_size_used_bytes.',
  );
});
