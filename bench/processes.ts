import { type ChildProcess, fork, spawn } from 'node:child_process';
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
  // a bench that is broken off leaves nothing behind
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  void exited.then(() => process.off('exit', kill));
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
