import { benchInput } from '../bench-input.ts';
import type { Measures, Progress, Target } from '../job.ts';
import { Scene } from '../scene.ts';

type Turns = Measures['turns'];

/**
 * A closed loop: as many turns at once as told, each on the connection that has rested longest, so that histories stay
 * short; the next begins when one ends.
 */
export async function measureTurns(
  target: Target,
  options: Turns['options'],
  progress: Progress,
): Promise<Turns['answer']> {
  const scene = new Scene(target);
  const resting = await scene.open(options.connections);
  const count = { begun: 0, ended: 0 };
  let isOver = false;
  const begin = (): void => {
    const client = resting.shift()!;
    client.start(benchInput(`t${count.begun++}`, options.tokens));
  };
  for (const client of resting)
    client.onEnd = () => {
      count.ended++;
      resting.push(client);
      if (!isOver) begin();
    };
  for (let i = 0; i < options.concurrency; i++) begin();
  // compiled code comes with turns, not with time
  for (let second = 0; second < 10 && (second < 3 || count.ended < 5_000); second++) await scene.wait(1_000);
  const profiled = await scene.profile();
  const watched = await scene.watch();
  const before = count.ended;
  await scene.wait(options.seconds * 1_000);
  const { cpuMicroseconds, seconds, ...figures } = await watched();
  const turns = count.ended - before;
  const profile = await profiled();
  isOver = true;
  progress(`${Math.round(turns / seconds)} turns/s on ${figures.cores.toFixed(2)} cores`);
  return { ...figures, ...profile, turnsPerSecond: turns / seconds, microsecondsPerTurn: cpuMicroseconds / turns };
}
