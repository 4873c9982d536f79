import type { Config } from '../config/schema.ts';
import { tokenPrice } from '../ledger/price.ts';
import type { Clock } from '../lib/clock.ts';
import { Accounting, type PricedTarget } from '../limits/accounting.ts';
import type { TokenPrice } from '../limits/contract.ts';
import type { AccountStore } from '../store/account-contract.ts';
import type { AlertSender, Logger, Metrics } from '../telemetry/contract.ts';
import type { Upstream } from '../upstream/contract.ts';
import type { ModelFacts } from './model-facts.ts';

export interface AccountsOptions {
  config: Config;
  store: AccountStore;
  node: string;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  alerts: AlertSender;
  facts: ModelFacts;
  /** As they are configured now. */
  upstreams(): readonly Upstream[];
}

const free: TokenPrice = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, label: 'free' };
/** The built-in upstream costs nobody anything. */
const practice: TokenPrice = { ...free, label: 'practice' };
/** Models may have any name; the list of those seen stays small. */
const mostPrices = 1_000;

/** Limits, budgets and the ledger, as configured. */
export function openAccounts(options: AccountsOptions): Accounting {
  const { config, store, node, clock, logger, metrics, alerts, facts, upstreams } = options;
  const { tiers, tenants, estimateTokens, leaseMs, onStoreLoss, unknownPrice, alertAt, ...scopes } = config.quotas;
  const known = new Map<string, { wire: string | undefined; price: TokenPrice | undefined }>();

  function priceOf({ upstream: { name }, model }: PricedTarget): TokenPrice | undefined {
    const wire = upstreams().find((upstream) => upstream.name === name)?.wire;
    const key = `${name}/${model}`;
    const found = known.get(key);
    // another upstream may have taken the name
    if (found !== undefined && found.wire === wire) return found.price;
    if (known.size >= mostPrices) known.clear();
    const price = lookUp(wire, model);
    known.set(key, { wire, price });
    return price;
  }

  function lookUp(wire: string | undefined, model: string): TokenPrice | undefined {
    if (wire === 'practice') return practice;
    const entry = wire === undefined ? undefined : facts.entryOf(model, wire);
    if (entry?.price !== undefined) return tokenPrice(entry.price, `${entry.source}, ${entry.asOf}`);
    return unknownPrice === 'free' ? free : undefined;
  }

  return new Accounting({
    store,
    node,
    clock,
    logger,
    metrics,
    alerts,
    priceOf,
    settings: { ...scopes, tiers, tenants },
    estimateTokens,
    leaseMs,
    isOpenOnLoss: onStoreLoss === 'allow',
    thresholds: alertAt,
    keepLedgerMs: config.ledger.keepDays * 24 * 60 * 60_000,
  });
}
