import { Histogram, type HistogramData } from './histogram.ts';

/** What is measured as times. */
export const timingNames = ['connect', 'firstToken', 'turn', 'gap', 'cancel', 'resume'] as const;
export type TimingName = (typeof timingNames)[number];

/** What is counted. */
export const countNames = [
  'connects',
  'turnsStarted',
  'turnsEnded',
  'tokens',
  'cancels',
  'resumes',
  'snapshots',
  'laggings',
  'messagesIn',
  'bytesIn',
  'bytesOut',
] as const;
export type CountName = (typeof countNames)[number];

/** What is counted by a name: codes of errors, of closes, ends of turns, broken promises. */
export const tallyNames = ['errors', 'closes', 'statuses', 'violations'] as const;
export type TallyName = (typeof tallyNames)[number];

export interface TenantData {
  turns: number;
  tokens: number;
  errors: number;
  firstToken: HistogramData;
}

/** Metrics as they travel between processes. */
export interface MetricsData {
  timings: Record<TimingName, HistogramData>;
  counts: Record<CountName, number>;
  tallies: Record<TallyName, Record<string, number>>;
  tenants: Record<string, TenantData>;
}

interface TenantMetrics {
  turns: number;
  tokens: number;
  errors: number;
  firstToken: Histogram;
}

const keyed = <Key extends string, Value>(keys: readonly Key[], make: () => Value): Record<Key, Value> =>
  Object.fromEntries(keys.map((key) => [key, make()])) as Record<Key, Value>;

/** Everything that was measured in a run, or in a second of it. Two of them merge into one without loss. */
export class Metrics {
  readonly timings = keyed(timingNames, () => new Histogram());
  readonly counts = keyed(countNames, () => 0);
  readonly tallies = keyed(tallyNames, () => ({}) as Record<string, number>);
  readonly tenants = new Map<string, TenantMetrics>();

  tally(name: TallyName, key: string, count = 1): void {
    const tally = this.tallies[name];
    tally[key] = (tally[key] ?? 0) + count;
  }

  tenant(name: string): TenantMetrics {
    let found = this.tenants.get(name);
    if (found === undefined) {
      found = { turns: 0, tokens: 0, errors: 0, firstToken: new Histogram() };
      this.tenants.set(name, found);
    }
    return found;
  }

  total(name: TallyName): number {
    return Object.values(this.tallies[name]).reduce((sum, count) => sum + count, 0);
  }

  merge(data: MetricsData): void {
    for (const name of timingNames) this.timings[name].merge(data.timings[name]);
    for (const name of countNames) this.counts[name] += data.counts[name];
    for (const name of tallyNames)
      for (const [key, count] of Object.entries(data.tallies[name])) this.tally(name, key, count);
    for (const [name, { turns, tokens, errors, firstToken }] of Object.entries(data.tenants)) {
      const tenant = this.tenant(name);
      tenant.turns += turns;
      tenant.tokens += tokens;
      tenant.errors += errors;
      tenant.firstToken.merge(firstToken);
    }
  }

  toData(): MetricsData {
    const tenants = [...this.tenants].map(([name, tenant]) => [
      name,
      { ...tenant, firstToken: tenant.firstToken.toData() },
    ]);
    return {
      timings: Object.fromEntries(
        timingNames.map((name) => [name, this.timings[name].toData()]),
      ) as MetricsData['timings'],
      counts: { ...this.counts },
      tallies: structuredClone(this.tallies),
      tenants: Object.fromEntries(tenants) as MetricsData['tenants'],
    };
  }
}
