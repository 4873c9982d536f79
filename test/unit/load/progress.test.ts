import { expect, test } from 'vitest';
import { createRunCollector } from '../../../src/load/collect-run.ts';
import { Metrics } from '../../../src/load/metrics.ts';
import { createProgress } from '../../../src/load/progress.ts';

/** What is written after so many seconds of a run of ten. */
function progressOf(terminal: { isTTY: boolean; columns?: number }, seconds: number, openSockets = 200): string[] {
  const written: string[] = [];
  const collector = createRunCollector(1);
  const progress = createProgress({ ...terminal, write: (text: string) => written.push(text) }, collector, 10);
  for (let second = 0; second < seconds; second++) {
    const metrics = new Metrics();
    metrics.counts.turnsStarted = 40;
    metrics.counts.turnsEnded = 40;
    metrics.counts.tokens = 4_321;
    metrics.timings.firstToken.record(123);
    if (second === 0) metrics.tally('errors', 'overloaded', 4);
    collector.add({
      t: 'interval',
      second,
      metrics: metrics.toData(),
      openSockets,
      runningTurns: 10,
      loopDelayP99Ms: 1,
      loopDelayMaxMs: 1,
      cpuMicroseconds: 1_000,
    });
    progress.tick();
    progress.tick();
  }
  progress.end();
  return written;
}

const clear = '\r\u001b[K';

test('a terminal has one line, with a bar, that is written over and cleared', () => {
  const written = progressOf({ isTTY: true, columns: 140 }, 5);
  expect(written).toHaveLength(6);
  expect(written[4]).toBe(
    `${clear}[${'█'.repeat(12)}${'·'.repeat(12)}] 5/10 s  errors 4 (2.0 %)  first token p50 123 ms p99 123 ms  40 turns/s  200 sockets  4,321 tokens/s`,
  );
  expect(written[5]).toBe(clear);
});

test.each([100, 80, 60, 40, 20, 8])('%i columns hold the line, the most important first', (columns) => {
  const line = progressOf({ isTTY: true, columns }, 5)[4]!.slice(clear.length);
  expect(line.length).toBeLessThan(columns);
  expect(line).toContain('5/10 s');
  expect(line.includes('errors 4')).toBe(columns >= 40);
});

test('elsewhere it is plain lines, now and then', () => {
  const lines = progressOf({ isTTY: false }, 2);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toBe(
    '1/10 s  errors 4 (10 %)  first token p50 123 ms p99 123 ms  40 turns/s  200 sockets  4,321 tokens/s\n',
  );
});

test('after the time of the run it says what is waited for', () => {
  expect(progressOf({ isTTY: true, columns: 140 }, 11).at(-2)).toContain('] 11 s, the last turns end  ');
  expect(progressOf({ isTTY: true, columns: 140 }, 11, 0).at(-2)).toContain('] 11 s, sessions are erased  ');
});
