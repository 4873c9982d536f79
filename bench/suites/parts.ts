import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { profileWhile } from '../load/cpu-profile.ts';
import { inspectHere } from '../load/inspector.ts';
import { benchTokenCounter, streamFor } from '../micro/token-counter.ts';
import { profileText } from '../report/profile-text.ts';
import type { BenchResult, Log, ResultRow } from '../result.ts';
import { withProfile } from '../with-profile.ts';

/** Figures of a part alone as rows: Parley's and what it is compared to. */
export function rowsOf(suite: string, results: readonly BenchResult[]): ResultRow[] {
  return results.map(({ name, value, unit, baseline, baselineName, note }, i) => ({
    id: `${suite}-${i + 1}`,
    suite,
    measure: name,
    unit,
    better: 'less',
    figures: [
      { of: 'parley', name: 'Parley', value, ...(note === undefined ? {} : { note }) },
      ...(baseline === undefined ? [] : [{ of: 'baseline', name: baselineName ?? 'baseline', value: baseline }]),
    ],
  }));
}

/** The token counter: what one more token of a stream costs has a goal. */
export async function benchCounter(log: Log): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for (const row of rowsOf('counter', await benchTokenCounter(log))) {
    const text = /^(.*): append of one token, against one whole encoding$/.exec(row.measure)?.[1];
    if (text === undefined) {
      rows.push(row);
      continue;
    }
    const streamed: ResultRow = {
      ...row,
      id: `counter-${text.toLowerCase().replaceAll(' ', '-')}`,
      measure: `Token counter, per delta, exact, ${text}`,
      method:
        'A text streamed into the counter one token at a time, as providers stream it, o200k_base; the median of several rounds. Beside it tiktoken’s own encoding of the whole text, once, divided by its tokens.',
      goal: { text: '≤ 0.6 µs', limit: 0.6 },
      unit: 'µs',
    };
    const take = async (): Promise<string> => profileText(await profileWhile(inspectHere(), streamFor(text, 500)));
    rows.push(...(await withProfile([streamed], (line) => log(`${text}: ${line}`), take)));
  }
  return rows;
}

/** The browser client as size-limit measures it. */
export async function benchClientSize(): Promise<ResultRow[]> {
  execFileSync('npm', ['run', '-s', 'build:size'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const bytes = brotliCompressSync(readFileSync('dist/size/browser-client.js')).length;
  return [
    {
      id: 'browser-client',
      suite: 'size',
      measure: 'Browser client, minified + brotli',
      unit: 'KB',
      better: 'less',
      method:
        'The bundle of `npm run build:size`, which holds the codec and all that it needs, compressed with brotli at its default; 1 KB is 1,000 bytes, as size-limit counts.',
      goal: { text: '≤ 20 KB', limit: 20 },
      figures: [{ of: 'parley', name: 'Parley', value: bytes / 1_000 }],
    },
  ];
}
