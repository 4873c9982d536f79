import { accessSync, constants, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StoreStartError } from '../store-error.ts';

interface Holder {
  pid: number;
  host: string;
  /** Start time of the process in clock ticks since boot, so that a reused pid is not taken for the holder. */
  startTicks: string;
}

/**
 * Holds a data directory for this process by a file with its pid. A holder that died, even by `kill -9`, is recognised
 * and replaced; a living one makes this throw `StoreStartError`. Answers the function that gives the directory back.
 */
export function lockDirectory(directory: string): () => void {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StoreStartError(
      `The data directory ${directory} cannot be written (${code}); choose another with --data.`,
      cause,
    );
  }
  const path = join(directory, 'lock');
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    startTicks: startTicksOf(process.pid),
  } satisfies Holder);
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      return () => {
        if (read(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = read(path);
    if (text === undefined) continue;
    const holder = parse(text);
    if (holder !== undefined && isAlive(holder)) {
      throw new StoreStartError(
        `The data directory ${directory} is in use by process ${holder.pid}; stop it, or choose another with --data.`,
      );
    }
    removeStale(path, text);
  }
  throw new StoreStartError(`The data directory ${directory} could not be locked; another process is starting on it.`);
}

// Two processes may find the same stale file; a rename lets only one of them take it, and one that took a fresh file puts it back.
function removeStale(path: string, staleText: string): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (read(aside) !== staleText) {
    try {
      linkSync(aside, path);
    } catch {
      // the directory has another holder by now
    }
  }
  rmSync(aside, { force: true });
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (holder.pid === process.pid && holder.startTicks !== startTicksOf(process.pid)) return false;
  return holder.startTicks === '' || startTicksOf(holder.pid) === holder.startTicks;
}

/** Field 22 of /proc/PID/stat (proc(5)); empty where there is no such file. */
function startTicksOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? '' : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '');
}

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return typeof holder.pid === 'number' ? holder : undefined;
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
