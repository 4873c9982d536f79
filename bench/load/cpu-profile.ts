import { type CpuProfile, partOf } from '../report/profile-text.ts';
import type { Inspector } from './inspector.ts';
import { monotonicMicros } from './time.ts';

/** Half of V8's default: a measured part may be as short as a second. */
const intervalMicros = 500;

/** Begins to sample what the process does; the function it answers ends that. What profiling itself takes to begin and end is cut off. */
export async function startCpuProfile(inspector: Inspector): Promise<() => Promise<CpuProfile>> {
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.setSamplingInterval', { interval: intervalMicros });
  await inspector.post('Profiler.start');
  const from = monotonicMicros();
  return async () => {
    const until = monotonicMicros();
    const { profile } = (await inspector.post('Profiler.stop')) as { profile: CpuProfile };
    inspector.close();
    return partOf(profile, from, until);
  };
}

/** Of one piece of work; what it answers is not kept. */
export async function profileWhile(inspector: Inspector, work: () => unknown): Promise<CpuProfile> {
  const stop = await startCpuProfile(inspector);
  await work();
  return stop();
}
