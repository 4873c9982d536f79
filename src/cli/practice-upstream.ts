import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { describeIssues, parseConfigFile } from '../config/parse-file.ts';
import { checkFailures, FailurePlanError, type FailureShares, parseFailures } from '../practice-server/failure-plan.ts';
import { type PracticeServerOptions, startPracticeServer } from '../practice-server/start-practice-server.ts';
import { CommandError } from './command-error.ts';
import { durationMs } from './duration.ts';
import { numberWithin, wholeWithin } from './flag-numbers.ts';

interface Flags {
  plan?: string;
  host: string;
  port: string;
  seed?: string;
  tokens?: string;
  tokensPerSecond?: string;
  firstToken?: string;
  jitter?: string;
  fail?: string;
  cancelLog?: string;
}

const count = z.int().min(1).max(1_000_000);
/** The file of `--plan`. */
const planSchema = z.strictObject({
  seed: z.int().min(0).optional(),
  tokens: z.union([count, z.strictObject({ min: count, max: count })]).optional(),
  tokensPerSecond: z.number().min(0).optional(),
  firstTokenMs: z.number().min(0).optional(),
  jitter: z.number().min(0).max(1).optional(),
  fail: z.record(z.string(), z.number().min(0).max(1)).optional(),
});
type Plan = z.infer<typeof planSchema>;

/** Adds `parley practice-upstream`. */
export function addPracticeUpstream(program: Command): void {
  program
    .command('practice-upstream')
    .description('run a provider for practice: OpenAI’s chat completions with seeded answers, a pace and failures')
    .option('--plan <file>', 'YAML file with what the flags below say')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('-p, --port <number>', 'port to listen on, 0 for a free one', '8090')
    .option('--seed <number>', 'seed of the answers (default: 1)')
    .option('--tokens <number>', 'tokens of an answer, or a range such as 50-200 (default: 100)')
    .option('--tokens-per-second <number>', 'pace of each answer; 0 for as fast as they go (default: 50)')
    .option('--first-token <time>', 'time before the first token, as 200ms (default: 200ms)')
    .option('--jitter <share>', 'deviation of each token, as a share of the time between two (default: 0)')
    .option('--fail <plan>', 'shares of requests that fail, as 429:0.05,500:0.01,truncate:0.01,hang:0.01')
    .option('--cancel-log <file>', 'write a JSON line for each request when its connection is over')
    .allowExcessArguments(false)
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const options = readOptions(flags);
  const log = flags.cancelLog === undefined ? undefined : await openLog(flags.cancelLog);
  const server = await startPracticeServer({
    ...options,
    onClosed: (closed) => log?.write(`${JSON.stringify(closed)}\n`),
  }).catch((error: Error) => {
    throw new CommandError(`The practice upstream cannot listen on ${flags.host}:${flags.port}: ${error.message}.`, 1);
  });
  process.stdout.write(`${server.url}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await server.close();
  if (log !== undefined) await new Promise<void>((resolve) => log.end(() => resolve()));
}

function openLog(file: string): Promise<WriteStream> {
  const stream = createWriteStream(file, { flags: 'a' });
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream));
    stream.once('error', (error) => reject(new CommandError(`The cancel log cannot be written: ${error.message}.`, 2)));
  });
}

function readOptions(flags: Flags): PracticeServerOptions {
  const plan = flags.plan === undefined ? {} : readPlan(flags.plan);
  return {
    host: flags.host,
    port: wholeWithin('--port', flags.port, 0, 65_535),
    seed: flags.seed === undefined ? (plan.seed ?? 1) : wholeWithin('--seed', flags.seed, 0, 2 ** 32),
    tokens: flags.tokens === undefined ? rangeOf(plan.tokens ?? 100) : tokensOf(flags.tokens),
    tokensPerSecond:
      flags.tokensPerSecond === undefined
        ? (plan.tokensPerSecond ?? 50)
        : numberWithin('--tokens-per-second', flags.tokensPerSecond, 0, 1e6),
    firstTokenMs:
      flags.firstToken === undefined ? (plan.firstTokenMs ?? 200) : durationMs('--first-token', flags.firstToken),
    jitter: flags.jitter === undefined ? (plan.jitter ?? 0) : numberWithin('--jitter', flags.jitter, 0, 1),
    failures: failuresOf(() => (flags.fail === undefined ? checked(plan.fail ?? {}) : parseFailures(flags.fail))),
  };
}

function readPlan(file: string): Plan {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new CommandError(`The plan ${file} cannot be read.`, 2);
  }
  const { values, placeOf } = parseConfigFile(text, file, process.env);
  const result = planSchema.safeParse(values);
  if (!result.success)
    throw new CommandError(describeIssues(result.error.issues, (path) => `${placeOf(path)}: `).join('\n'), 2);
  return result.data;
}

function checked(shares: FailureShares): FailureShares {
  checkFailures(shares);
  return shares;
}

function failuresOf(read: () => FailureShares): FailureShares {
  try {
    return read();
  } catch (error) {
    if (error instanceof FailurePlanError) throw new CommandError(error.message, 2);
    throw error;
  }
}

function tokensOf(text: string): { min: number; max: number } {
  const [, min, max = min] = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(text) ?? [];
  if (min === undefined || Number(min) < 1 || Number(max) < Number(min))
    throw new CommandError(`--tokens takes a number or a range such as 50-200, not “${text}”.`, 2);
  return { min: Number(min), max: Number(max) };
}

function rangeOf(tokens: number | { min: number; max: number }): { min: number; max: number } {
  if (typeof tokens === 'number') return { min: tokens, max: tokens };
  if (tokens.max < tokens.min) throw new CommandError('The plan’s tokens.max is less than tokens.min.', 2);
  return tokens;
}
