import { residentBytes } from '../../../src/load/process-usage.ts';
import { openIdle, openMany } from '../clients/open-client.ts';
import { startHeapGrowth } from '../heap-growth.ts';
import { inspectProcess } from '../inspector.ts';
import type { Measures, Progress, Target } from '../job.ts';
import { heapText } from '../../report/heap-text.ts';
import { Scene } from '../scene.ts';

type Memory = Measures['memory'];

/** Some servers close connections that have rested for five seconds: they are counted before. */
const settleMs = 2_500;

/** Growth of resident memory over connections that do nothing, divided by their number. */
export async function measureMemory(
  target: Target,
  { connections }: Memory['options'],
  progress: Progress,
): Promise<Memory['answer']> {
  const scene = new Scene(target);
  const resident = (): number => target.pids.reduce((sum, pid) => sum + residentBytes(pid), 0);
  const open = () => openIdle(target.dialect, scene.openOptions);
  // what the first connections load and compile is not a cost of each
  await scene.orBroken(openMany(500, open));
  await scene.wait(settleMs);
  const { inspectorPort } = target;
  const heap = inspectorPort === undefined ? undefined : await startHeapGrowth(await inspectProcess(inspectorPort));
  const before = resident();
  const opened = await scene.orBroken(openMany(connections, open));
  await scene.wait(settleMs);
  const bytes = resident() - before;
  const standing = opened.filter((connection) => connection.isOpen()).length;
  progress(`${standing} connections, ${(bytes / standing / 1024).toFixed(2)} KB each`);
  return {
    bytesPerConnection: bytes / standing,
    connections: standing,
    ...(heap === undefined ? {} : { profile: heapText(await heap(), standing) }),
  };
}
