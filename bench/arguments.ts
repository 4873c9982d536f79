import { parseArgs } from 'node:util';

export interface BenchArguments {
  suites: string[];
  peers: string[];
  isQuick: boolean;
  /** Without the extension: a .json and a .html are written; undefined for none. */
  out: string | undefined;
}

export class ArgumentError extends Error {}

/** Reads the command line of `npm run bench`. `date`: of today, in the name of the file. */
export function readArguments(
  args: readonly string[],
  known: { suites: readonly string[]; peers: readonly string[] },
  date: string,
): BenchArguments {
  const { values, positionals } = parse(args);
  const unknown = positionals.find((name) => !known.suites.includes(name));
  if (unknown !== undefined)
    throw new ArgumentError(`There is no bench “${unknown}”; choose from ${known.suites.join(', ')}.`);
  const peers = values.peers?.split(',') ?? known.peers;
  const unknownPeer = peers.find((id) => !known.peers.includes(id));
  if (unknownPeer !== undefined)
    throw new ArgumentError(`There is no peer “${unknownPeer}”; choose from ${known.peers.join(', ')}.`);
  return {
    suites: positionals.length > 0 ? known.suites.filter((name) => positionals.includes(name)) : [...known.suites],
    peers: values['no-peers'] === true ? [] : [...peers],
    isQuick: values.quick === true,
    out: values['no-file'] === true ? undefined : (values.out ?? `bench/results/${date}`).replace(/\.json$/, ''),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        peers: { type: 'string' },
        'no-peers': { type: 'boolean' },
        quick: { type: 'boolean' },
        out: { type: 'string' },
        'no-file': { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}
