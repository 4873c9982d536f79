import { benchInput } from '../bench-input.ts';
import type { Measures, Progress, Target } from '../job.ts';
import { Scene } from '../scene.ts';
import { now } from '../time.ts';

type Cancel = Measures['cancel'];

/** Running streams are cancelled one after another, a few milliseconds apart; who started them knows when they were closed. */
export async function measureCancel(
  target: Target,
  { streams, tokensPerSecond, waitMs }: Cancel['options'],
  progress: Progress,
): Promise<Cancel['answer']> {
  const scene = new Scene(target);
  const clients = await scene.open(streams);
  for (const [i, client] of clients.entries()) client.start(benchInput(`c${i}`, 0));
  await scene.steady(() => clients.reduce((sum, client) => sum + client.tokens, 0), streams * tokensPerSecond);
  progress(`${streams} streams run`);
  const profiled = await scene.profile();
  const watched = await scene.watch();
  const cancelledMs: Record<string, number> = {};
  for (const [i, client] of shuffled([...clients.entries()])) {
    cancelledMs[`c${i}`] = now();
    client.cancel();
    await scene.wait(4);
  }
  const { cpuMicroseconds: _cpu, seconds: _seconds, ...figures } = await watched();
  const profile = await profiled();
  await scene.wait(waitMs);
  return { ...figures, ...profile, cancelledMs };
}

/** By a fixed linear congruential sequence, the same on every run. */
function shuffled<Item>(items: Item[]): Item[] {
  let state = 1;
  for (let i = items.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = (state >>> 8) % (i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
