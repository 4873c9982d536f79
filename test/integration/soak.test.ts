import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { RunResult } from '../../src/load/result.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { temporaryDirectory } from '../support/test-gateway.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** Keeps all it makes, or makes nothing, and tells of itself as a gateway does. */
const toy = (leaks: boolean): string => `
const kept = [];
let asked = 0;
${leaks ? 'setInterval(() => kept.push(Array.from({ length: 20_000 }, Math.random)), 20);' : ''}
const figures = () => ${leaks ? 'process.memoryUsage()' : '({ heapUsed: 5e7 + (asked++ % 2) * 1e6, rss: 1e8 })'};
const server = require('node:http').createServer((request, response) => {
  const { heapUsed, rss } = figures();
  response.end(\`nodejs_heap_size_used_bytes \${heapUsed}
process_resident_memory_bytes \${rss}
process_cpu_seconds_total \${process.uptime()}
nodejs_eventloop_lag_p99_seconds 0.0123
\`);
});
server.listen(0, '127.0.0.1', () => console.log(\`http://127.0.0.1:\${server.address().port}/metrics\`));`;

async function startToy(leaks: boolean): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['-e', toy(leaks)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: line.toString().trim() };
}

/** A run in which the gateway is one process, and what is measured is another. */
async function soak(...flags: string[]): Promise<{ code: number; stderr: string; result: RunResult }> {
  const upstreams = [{ name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 }] as const;
  const gateway = await startGatewayProcess({ data: temporaryDirectory(), upstreams: [...upstreams] });
  const thresholds = join(temporaryDirectory(), 'thresholds.yaml');
  writeFileSync(thresholds, "server.heap.growthPerHour: '<1MB'\n");
  const args = ['soak', '--url', gateway.url, '--users', '4', '--ramp', '0s', '--duration', '13s'];
  const child = spawn(process.execPath, [main, 'bench', ...args, '--json', '--thresholds', thresholds, ...flags]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stderr, result: JSON.parse(stdout) as RunResult };
}

test('a server that leaks is found out, in its heap and from outside', async () => {
  const { child, url } = await startToy(true);
  const { code, stderr, result } = await soak('--server-pid', String(child.pid), '--metrics-url', url);
  for (const slope of [result.server!.memorySlope!, result.server!.heapSlope!])
    expect(slope.perHour).toBeGreaterThan(slope.errorPerHour);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^server\.heap\.growthPerHour is \d+, and was to be <1MB\.$/m),
  ]);
}, 60_000);

test('one that does not is not, however its heap breathes', async () => {
  const { code, result } = await soak('--metrics-url', (await startToy(false)).url);
  const { heapSlope, memorySlope, memoryBytesMax, loopDelayP99Ms } = result.server!;
  expect(Math.abs(heapSlope!.perHour)).toBeLessThanOrEqual(heapSlope!.errorPerHour);
  expect([memorySlope!.perHour, memoryBytesMax]).toEqual([0, 1e8]);
  expect(loopDelayP99Ms).toBeCloseTo(2.3);
  expect(code).toBe(0);
}, 60_000);
