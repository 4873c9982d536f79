import { benchInput } from '../bench-input.ts';
import type { Measures, Progress, Target } from '../job.ts';
import { quantilesOf } from '../quantiles.ts';
import { Scene } from '../scene.ts';
import { now } from '../time.ts';

type Delay = Measures['delay'];

/**
 * From the upstream's write of a token to the client's read, under load; then, under the same load, from the client's
 * request to its first token, from an upstream that answers at once, on connections that are open.
 */
export async function measureDelay(
  target: Target,
  options: Delay['options'],
  progress: Progress,
): Promise<Delay['answer']> {
  const scene = new Scene(target);
  const clients = await scene.open(options.streams);
  const delays: number[] = [];
  let isMeasuring = false;
  let tokens = 0;
  for (const [i, client] of clients.entries()) {
    client.onText = (text) => {
      const atMs = now();
      // a gateway may merge what came together
      const sent = text.trim().split(' ');
      tokens += sent.length;
      if (isMeasuring) for (const sentMs of sent) delays.push(atMs - Number(sentMs));
    };
    client.start(benchInput(`s${i}`, 0));
  }
  await scene.steady(() => tokens, options.streams * options.tokensPerSecond);
  const profiled = await scene.profile();
  const watched = await scene.watch();
  isMeasuring = true;
  progress(`${options.streams} streams run`);
  await scene.wait(options.seconds * 1_000);
  isMeasuring = false;
  const { cpuMicroseconds: _cpu, seconds, ...figures } = await watched();

  progress('first tokens');
  const firstTokens = await firstTokensMs(scene, options);
  return {
    ...figures,
    ...(await profiled()),
    token: quantilesOf(delays),
    ...(firstTokens.length > 0 ? { firstToken: quantilesOf(firstTokens) } : {}),
    tokensPerSecond: delays.length / seconds,
  };
}

/** Of probes at a steady rate, each on a connection that rests; fewer, or none, where the server is too slow for the rate. */
async function firstTokensMs(scene: Scene, { seconds, probesPerSecond }: Delay['options']): Promise<number[]> {
  // opened only now, as some servers close connections that have rested for five seconds
  const resting = await scene.open(20);
  const taken: number[] = [];
  const warmUntil = 2 * probesPerSecond;
  const startedMs = performance.now();
  for (let i = 0; i < warmUntil + seconds * probesPerSecond; i++) {
    await scene.wait(Math.max(0, startedMs + (i * 1_000) / probesPerSecond - performance.now()));
    const probe = resting.shift();
    if (probe === undefined) continue;
    const sentMs = performance.now();
    probe.onText = () => {
      if (i >= warmUntil) taken.push(performance.now() - sentMs);
    };
    probe.onEnd = () => void resting.push(probe);
    probe.start(benchInput(`p${i}`, 1));
  }
  await scene.wait(1_000);
  return taken;
}
