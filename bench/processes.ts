import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server process of a bench run, measured from outside. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** Another process that it cannot do without and that is told apart, such as a store's. */
  readonly beside?: { name: string; pid: number };
  /** What a request to it needs besides. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Messages that the server sends its parent. */
  onMessage(listener: (message: unknown) => void): void;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill();
});

/** Ends with this process: a run that is stopped leaves no servers behind. */
export function endWithParent<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Starts a bench server by its file in this folder; it prints its address as its first line. */
export async function startServer(
  file: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Promise<ServerProcess> {
  const child = endWithParent(
    fork(fileURLToPath(new URL(file, import.meta.url)), args as string[], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      execArgv: [...nodeFlags],
    }),
  );
  return started(child, child.stdout!, (line) => line);
}

/** Starts the built gateway. */
export async function startGateway(args: readonly string[], nodeFlags: readonly string[] = []): Promise<ServerProcess> {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const child = endWithParent(
    spawn(process.execPath, [...nodeFlags, main, 'serve', '--port', '0', '--log-format', 'json', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, OPENAI_API_KEY: '', OPENAI_BASE_URL: '' },
    }),
  );
  return started(child, child.stderr!, (line) => /"url":"([^"]+)"/.exec(line)?.[1]);
}

/** Starts a program that tells nothing: it is there when its port takes connections. */
export async function startOnPort(
  command: string,
  argsFor: (port: number) => readonly string[],
): Promise<ServerProcess> {
  const port = await freePort();
  const child = endWithParent(spawn(command, [...argsFor(port)], { stdio: ['ignore', 'ignore', 'inherit'] }));
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} stopped with ${code}.`)));
  });
  failed.catch(() => {});
  for (let tries = 0; !(await takesConnections(port)); tries++) {
    if (tries === 200) {
      child.kill('SIGKILL');
      throw new Error(`${command} took no connections for ten seconds.`);
    }
    await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  return serverOf(child, `http://127.0.0.1:${port}`);
}

/** A process and all that it started. */
export function processTree(pid: number): number[] {
  const children = childrenOf(pid);
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => processTree(Number(child))))];
}

function childrenOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  } catch {
    return '';
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function started(
  child: ChildProcess,
  output: NodeJS.ReadableStream,
  addressOf: (line: string) => string | undefined,
): Promise<ServerProcess> {
  const lines = createInterface({ input: output });
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const address = addressOf(line);
      if (address !== undefined) resolve(address);
    });
    child.once('exit', (code) => reject(new Error(`A bench server stopped with ${code}.`)));
  });
  return serverOf(child, url);
}

function serverOf(child: ChildProcess, url: string): ServerProcess {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid!,
    url,
    onMessage: (listener) => void child.on('message', listener),
    async stop() {
      // a program with workers ends them itself
      if (child.exitCode === null) child.kill(processTree(child.pid!).length > 1 ? 'SIGTERM' : 'SIGKILL');
      await exited;
    },
  };
}
