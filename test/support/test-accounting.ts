import { systemClock } from '../../src/lib/clock.ts';
import { Accounting, type AccountingOptions } from '../../src/limits/accounting.ts';
import { silentAlerts, silentLogger, silentMetrics } from '../../src/telemetry/contract.ts';
import { createMemoryAccounts } from './memory-accounts.ts';

/** Accounting over a store in memory; without settings nothing is limited, and everything is free. */
export function createTestAccounting(options: Partial<AccountingOptions> = {}): Accounting {
  return new Accounting({
    store: createMemoryAccounts(),
    node: 'n',
    clock: systemClock,
    logger: silentLogger,
    metrics: silentMetrics,
    alerts: silentAlerts,
    settings: { tiers: {}, tenants: {} },
    priceOf: () => ({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0, label: 'test' }),
    estimateTokens: 1_024,
    leaseMs: 60_000,
    isOpenOnLoss: false,
    thresholds: [],
    keepLedgerMs: Number.MAX_SAFE_INTEGER,
    ...options,
  });
}
