import { readFileSync } from 'node:fs';

/** CPU time that a process has used, user and system, in microseconds (fields 14 and 15 of /proc/PID/stat, in 1/100 s). */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Memory of a process that is its own or shared but in use, in bytes (VmRSS of /proc/PID/status). */
export function residentBytes(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Memory of a process without the pages of files, in bytes (RssAnon of /proc/PID/status). */
function anonymousBytes(pid: number): number {
  const found = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * 1024;
}

/** How many files (and so sockets) a process may have open; undefined where that is not told. */
export function openFileLimit(pid: number | 'self'): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
    if (soft === undefined) return undefined;
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return undefined;
  }
}

export interface UsageSample {
  /** Cores in use since the sample before. */
  cpuCores: number;
  memoryBytes: number;
  /** Without pages of files. */
  ownBytes: number;
}

/** Measures processes of this machine from outside. A process that is gone counts as nothing. */
export function createUsageSampler(pids: readonly number[], now: () => number): () => UsageSample {
  let lastMs = now();
  let lastCpu = new Map(pids.map((pid) => [pid, orZero(() => cpuMicroseconds(pid))]));
  return () => {
    const atMs = now();
    const cpu = new Map(pids.map((pid) => [pid, orZero(() => cpuMicroseconds(pid))]));
    const used = pids.reduce((sum, pid) => sum + Math.max(0, cpu.get(pid)! - lastCpu.get(pid)!), 0);
    const sample = {
      cpuCores: used / 1_000 / Math.max(1, atMs - lastMs),
      memoryBytes: pids.reduce((sum, pid) => sum + orZero(() => residentBytes(pid)), 0),
      ownBytes: pids.reduce((sum, pid) => sum + orZero(() => anonymousBytes(pid)), 0),
    };
    [lastMs, lastCpu] = [atMs, cpu];
    return sample;
  };
}

function orZero(read: () => number): number {
  try {
    return read();
  } catch {
    return 0;
  }
}
