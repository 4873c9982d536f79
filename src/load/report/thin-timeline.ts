import type { TimelineEntry } from '../result.ts';

/** More points than this are a smear, and megabytes. */
const maxPoints = 300;

/** A timeline with fewer points: rates and levels are averaged, the worst quantile of each stretch is kept. */
export function thinTimeline(timeline: readonly TimelineEntry[]): TimelineEntry[] {
  const size = Math.ceil(timeline.length / maxPoints);
  if (size <= 1) return [...timeline];
  const thin: TimelineEntry[] = [];
  for (let at = 0; at < timeline.length; at += size) thin.push(joined(timeline.slice(at, at + size)));
  return thin;
}

function joined(part: readonly TimelineEntry[]): TimelineEntry {
  const first = part[0]!;
  const entry: TimelineEntry = { ...first, p50Ms: {}, p99Ms: {} };
  for (const key of Object.keys(first) as (keyof TimelineEntry)[]) {
    if (key === 'second' || key === 'p50Ms' || key === 'p99Ms') continue;
    entry[key] = part.reduce((sum, other) => sum + (other[key] ?? 0), 0) / part.length;
  }
  for (const quantile of ['p50Ms', 'p99Ms'] as const) {
    for (const other of part)
      for (const [name, value] of Object.entries(other[quantile]) as [keyof (typeof entry)['p50Ms'], number][])
        entry[quantile][name] = Math.max(entry[quantile][name] ?? 0, value);
  }
  return entry;
}
