import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ClosedRequest } from '../../src/practice-server/start-practice-server.ts';
import { temporaryDirectory } from './test-gateway.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface PracticeProcess {
  /** Ends in /v1. */
  readonly url: string;
  /** Lines of the cancel log so far. */
  closed(): ClosedRequest[];
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
}

/** Starts the built `parley practice-upstream` on a free port; it is ended with the test. */
export async function startPracticeProcess(flags: readonly string[] = []): Promise<PracticeProcess> {
  const log = join(temporaryDirectory(), 'closed.jsonl');
  const child = spawn(process.execPath, [main, 'practice-upstream', '--port', '0', '--cancel-log', log, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    void exited.then((code) => reject(new Error(`the practice upstream stopped with ${code}`)));
  });
  return {
    url,
    closed: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as ClosedRequest),
    kill: (signal) => void child.kill(signal),
    exited,
  };
}
