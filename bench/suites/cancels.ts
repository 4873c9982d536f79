import type { Measures } from '../load/job.ts';
import { quantilesOf } from '../load/quantiles.ts';
import type { ResultRow } from '../result.ts';
import { type BenchRun, figuresOf, sideBySide, withParleyProfile } from '../side-by-side.ts';
import { detailsOf } from './streams.ts';

const streams = 500;
const firstStreams = 200;
const tokensPerSecond = 10;
const waitMs = 3_000;

/** From cancelling an answer to the moment the upstream sees its connection closed. */
export async function benchCancel(run: BenchRun): Promise<ResultRow[]> {
  const plan = {
    measure: 'cancel' as const,
    options: { streams, firstStreams, tokensPerSecond, waitMs },
    upstream: [String(tokensPerSecond), 'tells'],
  };
  const outcomes = await sideBySide(run, { ...plan, withDirect: true, evaluate: joined });
  const shares = ['p50', 'p99'] as const;
  const rows = shares.map(
    (share, i): ResultRow => ({
      id: `cancel-${share}`,
      suite: 'cancel',
      measure: `Cancel → upstream connection closed, ${share}, ${streams} streams`,
      unit: 'ms',
      better: 'less',
      method:
        'From the client’s cancel (a message, or closing its connection where the server has no cancel) to the moment the upstream sees its connection closed. In random order, four milliseconds apart; after 200 others, whose figures stand apart: until then the code of an end is not compiled.',
      goal: { text: `≤ ${[2, 15][i]} ms`, limit: [2, 15][i]! },
      figures: figuresOf(outcomes, ({ delays, firstDelays, ...processes }) =>
        delays.length < streams
          ? { note: openText(streams - delays.length) }
          : {
              value: quantilesOf(delays)[share],
              details: { [`ms, the ${firstStreams} before`]: quantilesOf(firstDelays)[share], ...detailsOf(processes) },
            },
      ),
    }),
  );
  return withParleyProfile(run, plan, rows);
}

function joined(
  { firstCancelledMs, cancelledMs, ...processes }: Measures['cancel']['answer'],
  told: readonly unknown[],
) {
  return { ...processes, firstDelays: delaysOf(firstCancelledMs, told), delays: delaysOf(cancelledMs, told) };
}

/** Of those that were closed in time. The clients' own end closes the rest. */
function delaysOf(cancelledMs: Readonly<Record<string, number>>, told: readonly unknown[]): number[] {
  const lastMs = Math.max(...Object.values(cancelledMs)) + waitMs;
  const delays: number[] = [];
  for (const { closed, atMs } of told as { closed?: string; atMs: number }[])
    if (closed !== undefined && cancelledMs[closed] !== undefined && atMs < lastMs)
      delays.push(atMs - cancelledMs[closed]);
  return delays;
}

function openText(open: number): string {
  if (open === streams) return `a cancel does not reach the upstream: nothing was closed within ${waitMs / 1_000} s`;
  return `${open} of ${streams} upstream connections were still open after ${waitMs / 1_000} s`;
}
