import { expect, test } from 'vitest';
import { localAddressOf, planWorkers } from '../../../src/load/plan-workers.ts';

test.each([
  [50, 2, 20_000, 1],
  [15_000, 2, 20_000, 3],
  [15_000, 2, 1_100, 15],
  [50, 8, 20_000, 4],
  [2, 8, 20_000, 2],
])('%i sockets with %i cores and %i open files take %i workers', (sockets, cores, openFiles, workers) => {
  expect(planWorkers(sockets, undefined, { cores, openFiles })).toBe(workers);
});

test('too few open files are told with the numbers that help', () => {
  expect(() => planWorkers(15_000, 1, { cores: 2, openFiles: 1_024 })).toThrow(
    '15000 sockets in 1 worker need 15100 open files each, and this shell allows 1024: raise that with “ulimit -n 15100”, or give --workers 17.',
  );
});

test('towards loopback each worker has an address of its own', () => {
  expect(localAddressOf('ws://127.0.0.1:8080', 'linux', 3)).toBe('127.0.0.5');
  expect(localAddressOf('http://127.0.0.1:8080', 'darwin', 3)).toBeUndefined();
  expect(localAddressOf('https://gateway.example', 'linux', 3)).toBeUndefined();
});
