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

/** What limits report; never with a name of somebody. */
export interface LimitMetrics {
  limitRefused(limit: string, scope: string): void;
  budgetAlert(limit: string, scope: string, threshold: number): void;
  /** The provider's count of output tokens over the gateway's own. */
  tokenDrift(model: string, ratio: number): void;
}

/** A limit with a window was used up to a threshold. */
export interface LimitAlert {
  tenant: string;
  scope: string;
  /** Of what the limit is: a user, a key, …; empty for the tenant. */
  subject: string;
  limit: string;
  window: 'hour' | 'day' | 'month';
  /** Share of the limit, such as 0.8. */
  threshold: number;
  used: number;
  max: number;
}

export const silentLimitMetrics: LimitMetrics = { limitRefused: () => {}, budgetAlert: () => {}, tokenDrift: () => {} };
