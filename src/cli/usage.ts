import type { Command } from 'commander';
import { z } from 'zod';
import { usageDimensions } from '../ledger/contract.ts';
import { gatewayUrl } from './chat.ts';
import { CommandError } from './command-error.ts';

interface UsageFlags {
  url: string;
  key?: string;
  from?: string;
  to?: string;
  groupBy?: string;
  interval?: string;
  filter?: string[];
  json?: boolean;
  csv?: boolean;
}

const requestMs = 60_000;

const sums = {
  attempts: z.number(),
  turns: z.number(),
  input: z.number(),
  output: z.number(),
  cached: z.number(),
  reasoning: z.number(),
  costUsd: z.number(),
  unpriced: z.number(),
};
const answerSchema = z.object({
  data: z.object({
    from: z.string(),
    to: z.string(),
    groups: z.array(z.object({ time: z.string().optional(), by: z.record(z.string(), z.string()), ...sums })),
    total: z.object(sums),
  }),
});
type Report = z.infer<typeof answerSchema>['data'];

/** Adds `parley usage`. */
export function addUsageCommand(program: Command, defaultUrl: string): void {
  program
    .command('usage')
    .description('print what was used, in sums: tokens, calls and cost')
    .option('-u, --url <address>', 'address of the gateway (PARLEY_URL)', defaultUrl)
    .option('--key <key>', 'API key (PARLEY_KEY)', process.env.PARLEY_KEY)
    .option('--from <time>', 'a date, a time with its zone, or relative as -7d (default)')
    .option('--to <time>', 'as --from; not included (default: now)')
    .option('--group-by <names>', `separated by commas: ${usageDimensions.join(', ')}`)
    .option('--interval <name>', 'hour, day or month')
    .option('--filter <key=value...>', 'only what has this value')
    .option('--json', 'print JSON')
    .option('--csv', 'print CSV')
    .allowExcessArguments(false)
    .action((flags: UsageFlags) => printUsage(flags));
}

async function printUsage(flags: UsageFlags): Promise<void> {
  if (flags.json === true && flags.csv === true) throw new CommandError('Take --json or --csv, not both.', 2);
  const url = new URL('/v1/usage', gatewayUrl(flags.url).replace(/^ws/, 'http'));
  url.search = queryOf(flags).toString();
  const text = await ask(url, flags.key);
  if (flags.csv === true) return void process.stdout.write(text);
  const report = reportOf(text);
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : table(report));
}

/** The gateway checks the rest, and names what is wrong. */
function queryOf({ from, to, groupBy, interval, filter = [], csv }: UsageFlags): URLSearchParams {
  const query = new URLSearchParams({ format: csv === true ? 'csv' : 'json' });
  const given = { from, to, groupBy, interval };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, value);
  for (const pair of filter) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    if (at < 1 || !(usageDimensions as readonly string[]).includes(name))
      throw new CommandError(`--filter takes key=value with a key of ${usageDimensions.join(', ')}; not “${pair}”.`, 2);
    if (query.has(name)) throw new CommandError(`--filter has ${name} twice.`, 2);
    query.set(name, pair.slice(at + 1));
  }
  return query;
}

async function ask(url: URL, key: string | undefined): Promise<string> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(requestMs),
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    });
    text = await answer.text();
  } catch {
    throw new CommandError(`The gateway at ${url.origin} cannot be reached; check --url.`, 1);
  }
  if (answer.ok) return text;
  if (answer.status === 404) throw new CommandError(`The gateway at ${url.origin} does not account for usage.`, 1);
  throw new CommandError(sentenceOf(text, answer.status), [400, 422].includes(answer.status) ? 2 : 1);
}

/** The sentence of a problem (RFC 9457). */
function sentenceOf(text: string, status: number): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // told below
  }
  return `The gateway refused with ${status}.`;
}

function reportOf(text: string): Report {
  try {
    return answerSchema.parse(JSON.parse(text)).data;
  } catch {
    throw new CommandError('The gateway gave an answer that cannot be read; is it of this version?', 1);
  }
}

function table({ from, to, groups, total }: Report): string {
  const names = usageDimensions.filter((name) => groups.some(({ by }) => by[name] !== undefined));
  const hasTime = groups.some(({ time }) => time !== undefined);
  const figures = (row: Report['total']): string[] => [
    String(row.turns),
    String(row.attempts),
    String(row.input),
    String(row.cached),
    String(row.output),
    row.costUsd.toFixed(4) + (row.unpriced > 0 ? ` + ${row.unpriced} unpriced` : ''),
  ];
  const head = [...(hasTime ? ['time'] : []), ...names, 'turns', 'calls', 'input', 'cached', 'output', 'cost $'];
  const rows = groups.map((group) => [
    ...(hasTime ? [group.time ?? ''] : []),
    ...names.map((name) => printable(group.by[name] ?? '')),
    ...figures(group),
  ]);
  const labels = head.length - 6;
  const last = [...Array.from({ length: labels }, (_, i) => (i === 0 ? 'all' : '')), ...figures(total)];
  const lines = [head, ...rows, ...(labels > 0 || rows.length !== 1 ? [last] : [])];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const print = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column < labels ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  return `${from} to ${to}\n${lines.map(print).join('\n')}\n`;
}

/** Names come from strangers, and a terminal obeys control characters. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '�');
}
