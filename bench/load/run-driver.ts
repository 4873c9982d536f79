import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endWithParent } from '../processes.ts';
import type { DriverMessage, Job, MeasureName, Measures, Progress } from './job.ts';

/** Longer than the longest measure: a target that stands still must not stop the run. */
const patienceMs = 120_000;

/** Makes the load in a process of its own, so that no measure pays for the one before. Throws what went wrong there. */
export async function runDriver<Name extends MeasureName>(
  job: Job<Name>,
  progress: Progress,
): Promise<Measures[Name]['answer']> {
  const child = endWithParent(
    fork(fileURLToPath(new URL('./driver.js', import.meta.url)), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', (message: DriverMessage) => {
        if ('progress' in message) progress(message.progress);
        else if ('failure' in message) reject(new Error(message.failure));
        else resolve(message.answer as Measures[Name]['answer']);
      });
      child.once('exit', () => reject(new Error('The measure took too long.')));
      child.send(job);
    });
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}
