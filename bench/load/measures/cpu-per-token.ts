import { benchInput } from '../bench-input.ts';
import type { Measures, Progress, Target } from '../job.ts';
import { Scene } from '../scene.ts';

type Cpu = Measures['cpu'];

/** CPU of all processes of a target per token that arrives, one token per upstream write. */
export async function measureCpu(target: Target, options: Cpu['options'], progress: Progress): Promise<Cpu['answer']> {
  const scene = new Scene(target);
  const clients = await scene.open(options.streams);
  const tokens = (): number => clients.reduce((sum, client) => sum + client.tokens, 0);
  for (const [i, client] of clients.entries()) client.start(benchInput(`s${i}`, 0));
  await scene.steady(tokens, options.streams * options.tokensPerSecond);
  const before = tokens();
  const profiled = await scene.profile();
  const watched = await scene.watch();
  for (let second = 1; second <= options.seconds; second++) {
    await scene.wait(1_000);
    if (second % 5 === 0) progress(`${second} s, ${Math.round((tokens() - before) / second)} tokens/s`);
  }
  const { cpuMicroseconds, seconds, ...figures } = await watched();
  const count = tokens() - before;
  return {
    ...figures,
    ...(await profiled()),
    microsecondsPerToken: cpuMicroseconds / count,
    tokensPerSecond: count / seconds,
  };
}
