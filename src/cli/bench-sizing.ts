import type { Command } from 'commander';
import { assumedDemand, assumedRoom, assumptions } from '../load/sizing/assumptions.ts';
import { fitCosts } from '../load/sizing/cost-model.ts';
import { planSize } from '../load/sizing/plan-size.ts';
import { readCurves } from '../load/sizing/read-curves.ts';
import { sizingText } from '../load/sizing/sizing-text.ts';
import { BenchError } from '../load/worker-pool.ts';
import { CommandError } from './command-error.ts';
import { numberOf, shareOf, wholeOf } from './flag-numbers.ts';

interface SizingFlags {
  sockets: string;
  streaming?: string;
  tokensPerSecond?: string;
  tokensPerAnswer?: string;
  openFiles?: string;
  headroom?: string;
}

/** Adds `parley bench sizing`. */
export function addSizingCommand(bench: Command): void {
  const { streamingShare, tokensPerSecond, tokensPerAnswer } = assumptions;
  bench
    .command('sizing')
    .argument('<curves>', 'cost curves, as “npm run bench -- curves” writes them')
    .description('say how large an installation must be, by what was measured')
    .requiredOption('--sockets <number>', 'open sockets, each with a session')
    .option('--streaming <share>', `share of them that streams at once (default: ${streamingShare * 100}%)`)
    .option('--tokens-per-second <number>', `of each stream (default: ${tokensPerSecond})`)
    .option('--tokens-per-answer <number>', `which says how many turns these are (default: ${tokensPerAnswer})`)
    .option('--open-files <number>', `that a process may have (default: ${assumedRoom.openFiles})`)
    .option(
      '--headroom <share>',
      `of a core and of the files that stays free (default: ${assumedRoom.headroom * 100}%)`,
    )
    .allowExcessArguments(false)
    .action((file: string, flags: SizingFlags) => void process.stdout.write(sizing(file, flags)));
}

function sizing(file: string, flags: SizingFlags): string {
  const demand = assumedDemand(wholeOf('--sockets', flags.sockets)!, {
    streamingShare: shareOf('--streaming', flags.streaming) ?? assumptions.streamingShare,
    tokensPerSecond: numberOf('--tokens-per-second', flags.tokensPerSecond) ?? assumptions.tokensPerSecond,
    tokensPerAnswer:
      positive('--tokens-per-answer', numberOf('--tokens-per-answer', flags.tokensPerAnswer)) ??
      assumptions.tokensPerAnswer,
  });
  const room = {
    openFiles: positive('--open-files', wholeOf('--open-files', flags.openFiles)) ?? assumedRoom.openFiles,
    headroom: shareOf('--headroom', flags.headroom) ?? assumedRoom.headroom,
  };
  if (room.headroom >= 1) throw new CommandError('--headroom must leave something to be used.', 2);
  try {
    const model = fitCosts(readCurves(file));
    return sizingText(model, demand, room, planSize(model, demand, room));
  } catch (error) {
    throw error instanceof BenchError ? new CommandError(error.message, 2) : error;
  }
}

function positive(flag: string, value: number | undefined): number | undefined {
  if (value === 0) throw new CommandError(`${flag} takes more than 0.`, 2);
  return value;
}
