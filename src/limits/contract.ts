import type { LimitRules } from './rules.ts';

/** Who a turn is for, as far as limits, rules and the ledger ask; from the credential alone. */
export interface Spender {
  /** The user. */
  subject?: string | undefined;
  /** Id of the API key. */
  key?: string | undefined;
  team?: string | undefined;
  tier?: string | undefined;
  /** Where the connection came from. */
  address?: string | undefined;
  /** Limits of the credential itself. */
  limits?: LimitRules | undefined;
}

/** What one token costs, in billionths of a US dollar. */
export interface TokenPrice {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  /** Where it comes from, for the ledger. */
  label: string;
}
