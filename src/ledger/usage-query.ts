import type { AccountStore } from '../store/account-contract.ts';
import {
  type LedgerRow,
  type QueryUsage,
  type UsageGroup,
  type UsageQuery,
  UsageQueryError,
  type UsageSums,
} from './contract.ts';

const nanoPerUsd = 1_000_000_000;
/** Rows read at a time: the event loop has its turn in between. */
const pageRows = 1_000;
/** A query that has to look at more rows, or answers more groups, is refused. */
const bounds = { rows: 1_000_000, groups: 10_000 };
const widestMs = 800 * 24 * 60 * 60_000;

interface Sums extends UsageSums {
  nano: number;
  seen: Set<string>;
}

export interface UsageQueryOptions {
  maxRows?: number | undefined;
  maxGroups?: number | undefined;
}

/** Sums up the ledger. What it answers is exact: costs are summed in billionths of a dollar. */
export function createUsageQuery(store: AccountStore, options: UsageQueryOptions = {}): QueryUsage {
  const { maxRows = bounds.rows, maxGroups = bounds.groups } = options;
  return async (query) => {
    check(query);
    const tenants = query.tenant === undefined ? await store.accountTenants() : [query.tenant];
    const groups = new Map<string, { group: Pick<UsageGroup, 'time' | 'by'>; sums: Sums }>();
    const total = noSums();
    let read = 0;
    for (const tenant of tenants.toSorted()) {
      for (let after: string | undefined; ; ) {
        const page = await store.readLedger(tenant, { from: query.from, to: query.to, after, limit: pageRows });
        read += page.rows.length;
        if (read > maxRows)
          throw new UsageQueryError(`The ledger has more than ${maxRows} rows there; ask for a shorter time.`);
        for (const row of page.rows) {
          if (!isWanted(row, query)) continue;
          add(total, row);
          const group = groupOf(row, query);
          const key = JSON.stringify([group.time, ...query.groupBy.map((dimension) => group.by[dimension])]);
          let known = groups.get(key);
          if (known === undefined) {
            if (groups.size >= maxGroups)
              throw new UsageQueryError(`There are more than ${maxGroups} groups; group by less, or filter.`);
            groups.set(key, (known = { group, sums: noSums() }));
          }
          add(known.sums, row);
        }
        after = page.next;
        if (after === undefined) break;
      }
    }
    return {
      from: new Date(query.from).toISOString(),
      to: new Date(query.to).toISOString(),
      groups: [...groups.values()]
        .map(({ group, sums }) => ({ ...group, ...resultOf(sums) }))
        .toSorted((a, b) => (a.time ?? '').localeCompare(b.time ?? '') || b.costUsd - a.costUsd || b.input - a.input),
      total: resultOf(total),
    };
  };
}

/** Throws `UsageQueryError`. */
function check({ from, to }: UsageQuery): void {
  if (!(from < to)) throw new UsageQueryError('“from” has to be before “to”.');
  if (to - from > widestMs) throw new UsageQueryError('The time asked for is longer than 800 days; ask for less.');
}

function isWanted(row: LedgerRow, { filter }: UsageQuery): boolean {
  return Object.entries(filter).every(([dimension, value]) => row[dimension as keyof LedgerRow] === value);
}

function groupOf(row: LedgerRow, { groupBy, interval }: UsageQuery): Pick<UsageGroup, 'time' | 'by'> {
  const by = Object.fromEntries(groupBy.map((dimension) => [dimension, row[dimension]]).filter(([, value]) => value));
  return interval === undefined ? { by } : { time: beginOf(row.at, interval), by };
}

function beginOf(at: number, interval: NonNullable<UsageQuery['interval']>): string {
  const iso = new Date(at).toISOString();
  if (interval === 'hour') return `${iso.slice(0, 13)}:00:00.000Z`;
  return interval === 'day' ? `${iso.slice(0, 10)}T00:00:00.000Z` : `${iso.slice(0, 7)}-01T00:00:00.000Z`;
}

function add(sums: Sums, row: LedgerRow): void {
  sums.attempts++;
  sums.seen.add(`${row.tenant}\n${row.session}\n${row.turn}`);
  sums.input += row.input;
  sums.output += row.output;
  sums.cached += row.cached;
  sums.reasoning += row.reasoning;
  if (row.costNanoUsd !== undefined) sums.nano += row.costNanoUsd;
  else if (row.input + row.output > 0) sums.unpriced++;
}

function noSums(): Sums {
  return {
    attempts: 0,
    turns: 0,
    input: 0,
    output: 0,
    cached: 0,
    reasoning: 0,
    costUsd: 0,
    unpriced: 0,
    nano: 0,
    seen: new Set(),
  };
}

function resultOf({ nano, seen, ...sums }: Sums): UsageSums {
  return { ...sums, turns: seen.size, costUsd: nano / nanoPerUsd };
}
