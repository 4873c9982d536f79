import type { Peer } from '../peers/contract.ts';
import { freePort, startServer } from '../processes.ts';
import { targetOf } from '../target.ts';
import { inspectorFlag } from './inspector.ts';
import type { MeasureName, Measures, Progress } from './job.ts';
import { runDriver } from './run-driver.ts';

export interface ProfiledLoad<Name extends MeasureName> {
  measure: Name;
  options: Measures[Name]['options'];
  upstream: readonly string[];
  nodeFlags?: readonly string[];
}

/** The same load once more with V8's profiler on; its own cost is why the figures of this run are not kept. */
export async function profileParley<Name extends MeasureName>(
  peer: Peer,
  { measure, options, upstream: upstreamArguments, nodeFlags = [] }: ProfiledLoad<Name>,
  progress: Progress,
): Promise<string> {
  const upstream = await startServer('./load/upstream.js', upstreamArguments);
  const inspectorPort = await freePort();
  const server = await peer.start(upstream.url, [...nodeFlags, inspectorFlag(inspectorPort)]);
  try {
    const target = { ...targetOf(peer, server), inspectorPort };
    const { profile } = await runDriver<Name>({ measure, target, options }, progress);
    return profile ?? 'The measure takes no profile.';
  } finally {
    await server.stop();
    await upstream.stop();
  }
}
