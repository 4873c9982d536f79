import type { HeapGrowth, HeapProfile, MemoryUsage } from '../report/heap-text.ts';
import type { Inspector } from './inspector.ts';

/** An eighth of V8's default: a connection holds a few kilobytes. */
const intervalBytes = 4_096;

/** Begins to sample what is allocated; the function it answers tells what of that is still held, garbage collected. */
export async function startHeapGrowth(inspector: Inspector): Promise<() => Promise<HeapGrowth>> {
  await inspector.post('HeapProfiler.collectGarbage');
  const before = await usageOf(inspector);
  await inspector.post('HeapProfiler.startSampling', { samplingInterval: intervalBytes });
  return async () => {
    const uncollected = await usageOf(inspector);
    await inspector.post('HeapProfiler.collectGarbage');
    const after = await usageOf(inspector);
    const { profile } = (await inspector.post('HeapProfiler.stopSampling')) as { profile: HeapProfile };
    return { before, uncollected, after, profile };
  };
}

async function usageOf(inspector: Inspector): Promise<MemoryUsage> {
  const asked = { expression: 'process.memoryUsage()', returnByValue: true };
  return ((await inspector.post('Runtime.evaluate', asked)) as { result: { value: MemoryUsage } }).result.value;
}
