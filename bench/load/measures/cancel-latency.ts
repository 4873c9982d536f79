import { benchInput } from '../bench-input.ts';
import type { StreamClient } from '../clients/contract.ts';
import type { Measures, Progress, Target } from '../job.ts';
import { Scene } from '../scene.ts';
import { now } from '../time.ts';

type Cancel = Measures['cancel'];

/** Between two cancels, milliseconds. */
const apartMs = 4;

/** Running streams are cancelled one after another, a few milliseconds apart; who started them knows when they were closed. */
export async function measureCancel(
  target: Target,
  { streams, firstStreams, tokensPerSecond, waitMs }: Cancel['options'],
  progress: Progress,
): Promise<Cancel['answer']> {
  const scene = new Scene(target);
  const first = await start(scene, 'f', firstStreams);
  const clients = await start(scene, 'c', streams);
  const all = [...first, ...clients];
  await scene.steady(
    () => all.reduce((sum, [, client]) => sum + client.tokens, 0),
    (firstStreams + streams) * tokensPerSecond,
  );
  progress(`${streams} streams run`);
  const firstCancelledMs = await cancelAll(scene, first);
  await scene.wait(1_000);
  const profiled = await scene.profile();
  const watched = await scene.watch();
  const cancelledMs = await cancelAll(scene, clients);
  const { cpuMicroseconds: _cpu, seconds: _seconds, ...figures } = await watched();
  const profile = await profiled();
  await scene.wait(waitMs);
  return { ...figures, ...profile, firstCancelledMs, cancelledMs };
}

type Named = [id: string, client: StreamClient];

async function start(scene: Scene, prefix: string, count: number): Promise<Named[]> {
  const clients = (await scene.open(count)).map((client, i): Named => [`${prefix}${i}`, client]);
  for (const [id, client] of clients) client.start(benchInput(id, 0));
  return clients;
}

/** Answers when each was cancelled. */
async function cancelAll(scene: Scene, clients: Named[]): Promise<Record<string, number>> {
  const cancelledMs: Record<string, number> = {};
  for (const [id, client] of shuffled(clients)) {
    cancelledMs[id] = now();
    client.cancel();
    await scene.wait(apartMs);
  }
  return cancelledMs;
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
