import type { AttemptKind } from '../routing/attempt.ts';

/** One upstream call as it is paid for. Append-only; a row has one place, `turn` and `attempt`, and is written there once. */
export interface LedgerRow {
  tenant: string;
  session: string;
  /** Of a summary, a shadow and the like: an id made of the turn's. */
  turn: string;
  /** 1 for the first upstream call of the turn. */
  attempt: number;
  /** Milliseconds since 1970 by the store's clock, when it was written. */
  at: number;
  kind: AttemptKind | 'summary' | 'interrupted';
  status: 'completed' | 'failed' | 'aborted' | 'interrupted';
  /** Error code of a failure. */
  code?: string | undefined;
  upstream: string;
  model: string;
  route?: string | undefined;
  variant?: string | undefined;
  user: string;
  key?: string | undefined;
  team?: string | undefined;
  tier?: string | undefined;
  /** What counts: the provider's figures where it gave them, else the gateway's. `output` includes `reasoning`, `input` `cached`. */
  input: number;
  output: number;
  cached: number;
  cacheWrite: number;
  reasoning: number;
  source: 'provider' | 'counted' | 'estimated';
  /** The gateway's own count, where the provider gave figures. */
  counted?: { input: number; output: number; reasoning: number } | undefined;
  /** Billionths of a US dollar; absent where the model has no price. */
  costNanoUsd?: number | undefined;
  /** Which price that was: source and day. */
  price?: string | undefined;
  /** Output tokens of it that were handed on, by the gateway's own count. */
  shown?: number | undefined;
  firstTokenMs?: number | undefined;
  totalMs: number;
  requestId?: string | undefined;
}

export const usageDimensions = [
  'tenant',
  'session',
  'turn',
  'user',
  'key',
  'team',
  'tier',
  'route',
  'variant',
  'upstream',
  'model',
  'kind',
  'status',
  'source',
] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export interface UsageQuery {
  /** Undefined: all, for who may see them. */
  tenant: string | undefined;
  /** Milliseconds since 1970, `to` exclusive. */
  from: number;
  to: number;
  groupBy: readonly UsageDimension[];
  interval?: 'hour' | 'day' | 'month' | undefined;
  filter: Partial<Record<UsageDimension, string>>;
}

/** Sums over rows. */
export interface UsageSums {
  attempts: number;
  turns: number;
  input: number;
  output: number;
  cached: number;
  reasoning: number;
  costUsd: number;
  /** Rows without a price: their cost is not known, and not in the sum. */
  unpriced: number;
}

export interface UsageGroup extends UsageSums {
  /** Begin of the interval, ISO 8601. */
  time?: string | undefined;
  by: Partial<Record<UsageDimension, string>>;
}

export interface UsageReport {
  from: string;
  to: string;
  groups: UsageGroup[];
  total: UsageSums;
}

/** Throws `UsageQueryError` for a query that is too large to be answered: it says what to narrow. */
export type QueryUsage = (query: UsageQuery) => Promise<UsageReport>;

export class UsageQueryError extends Error {
  override name = 'UsageQueryError';
}
