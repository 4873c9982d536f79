import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server process of a bench run, measured from outside. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** Messages that the server sends its parent. */
  onMessage(listener: (message: unknown) => void): void;
  stop(): Promise<void>;
}

/** Starts a bench server by its file in this folder; it prints its address as its first line. */
export async function startServer(
  file: string,
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args as string[], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
  });
  return started(child, child.stdout!, (line) => line);
}

/** Starts the built gateway. */
export async function startGateway(args: readonly string[], nodeFlags: readonly string[] = []): Promise<ServerProcess> {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const child = spawn(process.execPath, [...nodeFlags, main, 'serve', '--port', '0', '--log-format', 'json', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OPENAI_API_KEY: '', OPENAI_BASE_URL: '' },
  });
  return started(child, child.stderr!, (line) => /"url":"([^"]+)"/.exec(line)?.[1]);
}

async function started(
  child: ChildProcess,
  output: NodeJS.ReadableStream,
  addressOf: (line: string) => string | undefined,
): Promise<ServerProcess> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: output });
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const address = addressOf(line);
      if (address !== undefined) resolve(address);
    });
    child.once('exit', (code) => reject(new Error(`a bench server stopped with ${code}`)));
  });
  return {
    pid: child.pid!,
    url,
    onMessage: (listener) => void child.on('message', listener),
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

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
