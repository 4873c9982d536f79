import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import type { ConfigInput } from '../../src/config/schema.ts';
import { temporaryDirectory } from './test-gateway.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  readonly log: () => string;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts the built `parley serve` as a process of its own on a free port; it is ended with the test. */
export async function startGatewayProcess(config: ConfigInput): Promise<GatewayProcess> {
  const file = join(temporaryDirectory(), 'parley.yaml');
  writeFileSync(file, stringify({ port: 0, ...config }));
  const environment = { ...process.env, OPENAI_API_KEY: '', OPENAI_BASE_URL: '' };
  const child = spawn(process.execPath, [main, 'serve', '--config', file, '--log-format', 'json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return listening(child);
}

async function listening(child: ChildProcess): Promise<GatewayProcess> {
  let log = '';
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      const found = /"url":"(http[^"]+)"/.exec(log);
      if (found !== null) resolve(found[1]!);
    });
    void exited.then(({ code }) => reject(new Error(`the gateway stopped with ${code}: ${log}`)));
  });
  return { url, pid: child.pid!, log: () => log, kill: (signal) => void child.kill(signal), exited };
}
