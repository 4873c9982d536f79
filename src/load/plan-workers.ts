import { BenchError } from './worker-pool.ts';

/** Files that a worker needs besides its sockets. */
const ownFiles = 100;
/** A worker keeps up with so many sockets that say little. */
const socketsPerWorker = 5_000;
const maxWorkers = 64;

/**
 * How many processes make the load: one per core but the server's, and more where the sockets need them. Throws
 * `BenchError` where `wanted` processes may not open so many.
 */
export function planWorkers(
  sockets: number,
  wanted: number | undefined,
  machine: { cores: number; openFiles: number | undefined },
): number {
  const limit = (machine.openFiles ?? Number.POSITIVE_INFINITY) - ownFiles;
  const needed = Math.ceil(sockets / Math.max(1, Math.min(limit, socketsPerWorker)));
  const workers = wanted ?? Math.min(maxWorkers, Math.max(1, Math.min(machine.cores - 1, 4, sockets), needed));
  const each = Math.ceil(sockets / workers);
  if (each > limit)
    throw new BenchError(
      `${sockets} sockets in ${workers} worker${workers === 1 ? '' : 's'} need ${each + ownFiles} open files each, and this shell allows ${machine.openFiles}: raise that with “ulimit -n ${each + ownFiles}”, or give --workers ${Math.ceil(sockets / Math.max(1, limit))}.`,
    );
  return workers;
}

/** Throws `BenchError` where a server of this machine may not open so many. */
export function checkServerFiles(sockets: number, openFiles: number | undefined): void {
  if (openFiles === undefined || sockets + ownFiles <= openFiles) return;
  throw new BenchError(
    `The server may have ${openFiles} open files, and ${sockets} sockets need ${sockets + ownFiles}: start it after “ulimit -n ${sockets + ownFiles}”.`,
  );
}

/**
 * Where a worker's sockets come from: an address of its own towards loopback, as one has some 28,000 ports towards a
 * server. Elsewhere, and on systems with one loopback address, the system chooses.
 */
export function localAddressOf(url: string, platform: string, index: number): string | undefined {
  const isLoopback = /^127(?:\.\d+){3}$/.test(new URL(url).hostname);
  return isLoopback && platform === 'linux' ? `127.0.0.${2 + (index % 250)}` : undefined;
}
