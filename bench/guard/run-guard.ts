import { readFileSync, writeFileSync } from 'node:fs';
import { codecPairs } from '../micro/codec.ts';
import { openLimitsScene } from '../micro/limits.ts';
import { openLogScene } from '../micro/log-append.ts';
import { openaiChatPair } from '../micro/openai-chat-adapter.ts';
import { tokenCounterPair } from '../micro/token-counter.ts';
import { wirePairs } from '../micro/wire-adapters.ts';
import { openWindowScene } from '../micro/window-building.ts';
import type { Log } from '../result.ts';
import { findRegressions, type GuardFile, updateGuard } from './compare-ratios.ts';
import { countInstructions } from './count-instructions.ts';
import { measurePair, type OperationPair, type PairMeasure } from './measure-pair.ts';

const file = 'bench/guard.json';
const rounds = 60;
/** What is too slow is measured again, this often: a machine that others use has bad seconds. */
const retries = 2;
/** A large regression, and nothing that a shared machine does to a median. */
const usualFactor = 1.6;

/**
 * Measures the hot path's operations beside their baselines and compares with the ratios in git; answers the exit code. `--update`
 * writes them anew, `--instructions NAME TIMES` is the child whose instructions are counted.
 */
export async function runGuard(args: readonly string[], log: Log): Promise<number> {
  const { pairs, close } = await openPairs();
  const at = args.indexOf('--instructions');
  if (at >= 0) {
    await pairs.find(({ name }) => name === args[at + 1])!.run(Number(args[at + 2]));
    return 0;
  }
  const recorded = args.includes('--update') ? undefined : readGuard();
  const measures: PairMeasure[] = [];
  for (const pair of pairs) measures.push(await measureWithRetries(pair, recorded));
  await close();
  const instructions = await countInstructions(measures, log);
  for (const { name, baselineName, ratio, microseconds } of measures) {
    const counted = instructions.get(name);
    log(
      `${name}: ${microseconds.toPrecision(3)} µs, ${ratio.toPrecision(3)} × ${baselineName}${counted === undefined ? '' : `, ${counted.toPrecision(3)} instructions`}`,
    );
  }
  if (recorded === undefined) {
    writeFileSync(file, `${JSON.stringify(updateGuard(measures, readGuard(), usualFactor), undefined, 2)}\n`);
    log(`written to ${file}`);
    return 0;
  }
  const sentences = findRegressions(measures, recorded);
  for (const sentence of sentences) process.stdout.write(`${sentence}\n`);
  if (sentences.length === 0) process.stdout.write(`All ${measures.length} operations are as fast as they were.\n`);
  return sentences.length > 0 ? 1 : 0;
}

async function measureWithRetries(pair: OperationPair, recorded: GuardFile | undefined): Promise<PairMeasure> {
  let best = await measurePair(pair, rounds);
  const allowed = recorded?.[pair.name];
  if (allowed === undefined) return best;
  for (let retry = 0; retry < retries; retry++) {
    if (best.ratio <= allowed.ratio * allowed.allowedFactor) break;
    const again = await measurePair(pair, rounds);
    if (again.ratio < best.ratio) best = again;
  }
  return best;
}

async function openPairs(): Promise<{ pairs: OperationPair[]; close(): Promise<void> }> {
  const log = openLogScene();
  const limits = openLimitsScene();
  const window = await openWindowScene();
  return {
    pairs: [
      ...codecPairs,
      tokenCounterPair(),
      openaiChatPair(),
      ...wirePairs(),
      window.pair,
      ...log.pairs,
      limits.pair,
    ],
    async close() {
      for (const scene of [log, limits, window]) await scene.close();
    },
  };
}

function readGuard(): GuardFile {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as GuardFile;
  } catch {
    return {};
  }
}
