import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '../peers/contract.ts';
import { startServer } from '../processes.ts';
import { type CpuProfile, profileText } from '../report/profile-text.ts';
import { targetOf } from '../target.ts';
import type { MeasureName, Measures, Progress } from './job.ts';
import { runDriver } from './run-driver.ts';

/** The same load once more with V8's profiler on; its own cost is why the figures of this run are not kept. */
export async function profileParley<Name extends MeasureName>(
  peer: Peer,
  plan: { measure: Name; options: Measures[Name]['options']; upstream: readonly string[] },
  progress: Progress,
): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-profile-'));
  const upstream = await startServer('./load/upstream.js', plan.upstream);
  const server = await peer.start(upstream.url, ['--cpu-prof', `--cpu-prof-dir=${directory}`]);
  try {
    await runDriver<Name>({ measure: plan.measure, target: targetOf(peer, server), options: plan.options }, progress);
    // the profile is written at a good end alone
    process.kill(server.pid, 'SIGTERM');
    return profileText(JSON.parse(await profileIn(directory)) as CpuProfile);
  } finally {
    await server.stop();
    await upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function profileIn(directory: string): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [file] = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
    if (file === undefined) continue;
    const text = readFileSync(join(directory, file), 'utf8');
    // it may be caught half written
    if (text.endsWith('}')) return text;
  }
  throw new Error('The gateway wrote no profile.');
}
