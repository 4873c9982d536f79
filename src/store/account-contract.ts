import type { LedgerRow } from '../ledger/contract.ts';

/** What a limit counts: turns, tokens, billionths of a US dollar, or how many are open at a time. */
export type MeterUnit = 'turns' | 'input' | 'output' | 'cost' | 'open';

/** One limit of one subject, with its count in the store. */
export interface Meter {
  /** Unique within the tenant, such as `user:alice/costUsdPerDay`. */
  name: string;
  unit: MeterUnit;
  max: number;
  /** A token bucket that holds `max` and is filled evenly with so many a minute. */
  perMinute?: number | undefined;
  /** Begins anew with each, in UTC. A meter with neither is of what is open now. */
  window?: 'hour' | 'day' | 'month' | undefined;
}

/** Amounts of an account; cost in billionths of a US dollar. */
export interface Amounts {
  turns: number;
  input: number;
  output: number;
  cost: number;
}

/** A row as it is written; the store adds the time. */
export type NewLedgerRow = Omit<LedgerRow, 'at'>;

/**
 * One atomic step of an account. An account is what one turn (or socket) takes of its meters, from its reservation until it is
 * settled: `spent` is what was used, the allowance what it may use; the rest of the allowance is held, so that nobody else takes it.
 */
export interface AccountStep {
  tenant: string;
  /** Unique within the tenant. */
  account: string;
  /** Who asks. An account belongs to the node that made it, until another takes it over: then the one before says nothing more. */
  node: string;
  /** This node runs the account's turn now, or ends it for one that died. */
  takesOver?: boolean | undefined;
  /** Of the whole account: only those of its first step count. */
  meters: readonly Meter[];
  /** All that was spent until now. Counts where it is more than before, so that repeating a step is harmless; at the end it stands. */
  spent: Amounts;
  /** What the allowance has to come to at least, in all. Absent: it stays as it is. */
  cover?: Amounts | undefined;
  /** Output tokens beyond `cover`: as many as there are, at least and at most; `costEach` of cost goes with each. */
  output?: { least: number; most: number; costEach: number } | undefined;
  /** Without another step for this long what it holds is given back, milliseconds. */
  leaseMs: number;
  /** It is over: what it did not spend is given back. */
  settle?: boolean | undefined;
  /** Upstream calls that are over; those that are in the ledger already are left out. */
  rows?: readonly NewLedgerRow[] | undefined;
}

/** How far a meter of a window was used before and after a step, for alerts. */
export interface MeterUse {
  name: string;
  before: number;
  after: number;
  max: number;
}

export type AccountResult =
  /** `isNew`: by this step. `uses`: of the meters with a window whose use changed. */
  | { outcome: 'open'; isNew: boolean; allowance: Amounts; uses: MeterUse[] }
  /** The allowance stays as it was; what was spent is counted all the same. */
  | {
      outcome: 'refused';
      meter: string;
      /** Until there is room again, as far as that is known; absent where one is too large for the limit itself. */
      retryAfterMs: number | undefined;
      uses: MeterUse[];
    }
  /** It is settled: by this step or before, which changed nothing then. */
  | { outcome: 'settled'; isNew: boolean; uses: MeterUse[] }
  /** It is another node's: nothing changed. */
  | { outcome: 'foreign' };

/** An account as the node needs it that goes on with its turn. */
export interface StoredAccount {
  isSettled: boolean;
  spent: Amounts;
  allowance: Amounts;
  /** Rows that are in the ledger, in their order; dropped a while after the account is settled. */
  rows: NewLedgerRow[];
}

/** A place in the ledger of a tenant, to read on from. */
export type LedgerCursor = string;

/** Limits, budgets and the ledger. Each method is atomic and safe to repeat; failures are `StoreError`: outcome unknown. */
export interface AccountStore {
  step(step: AccountStep): Promise<AccountResult>;
  readAccount(tenant: string, account: string): Promise<StoredAccount | undefined>;
  /** These are settled and their turns are stored as ended: nobody asks for them again. */
  forgetAccounts(tenant: string, accounts: readonly string[]): Promise<void>;
  /** Gives back what accounts hold whose lease ran out; answers how many there were. */
  releaseLapsed(tenant: string): Promise<number>;
  /** What is used and held of meters now: of windows since they began, of buckets what is missing to the brim. */
  readMeters(tenant: string, meters: readonly Meter[]): Promise<{ used: number; held: number }[]>;
  /** Tenants with accounts or rows. */
  accountTenants(): Promise<string[]>;
  /** Rows written in a span of time, `to` exclusive, oldest first; `next`: where there are more. */
  readLedger(
    tenant: string,
    span: { from: number; to: number; after?: LedgerCursor | undefined; limit: number },
  ): Promise<{ rows: LedgerRow[]; next?: LedgerCursor | undefined }>;
  /** Removes what was written before. */
  trimLedger(tenant: string, before: number): Promise<void>;
}
