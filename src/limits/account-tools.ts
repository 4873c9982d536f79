import type { AccountStore, MeterUse, NewLedgerRow } from '../store/account-contract.ts';
import type { Refusal } from './refusal.ts';

/** An account that holds something until it is settled. */
export interface KeptAccount {
  readonly tenant: string;
  renew(): Promise<void>;
}

/** What accounts need of their service. */
export interface AccountingTools {
  store: AccountStore;
  node: string;
  estimateTokens: number;
  leaseMs: number;
  isOpenOnLoss: boolean;
  now(): number;
  noteUses(tenant: string, uses: readonly MeterUse[]): void;
  refused(refusal: Refusal): void;
  called(row: NewLedgerRow): void;
  keep(account: KeptAccount): void;
  release(account: KeptAccount): void;
  forget(tenant: string, id: string): void;
}
