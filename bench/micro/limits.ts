import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { Accounting } from '../../src/limits/accounting.ts';
import type { LimitSettings } from '../../src/limits/meters.ts';
import type { AccountStore } from '../../src/store/account-contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { connectRedis, connectSubscriber } from '../../src/store/redis/connect-redis.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import { silentAlerts, silentLogger, silentMetrics } from '../../src/telemetry/contract.ts';
import type { OperationPair } from '../guard/measure-pair.ts';
import { median } from '../load/quantiles.ts';
import { startRedis } from '../redis.ts';
import type { BenchResult, Log } from '../result.ts';

/** Limits of three scopes at once, seven in all: more than most have. */
const settings: LimitSettings = {
  tenant: { costUsdPerMonth: 1e9, concurrentTurns: 1e9 },
  user: { turnsPerMinute: 1e9, outputTokensPerDay: 1e12, costUsdPerDay: 1e9 },
  session: { inputTokensPerMinute: 1e12, turnsPerMinute: 1e9 },
  tiers: {},
  tenants: {},
};
const turns = 20_000;
const atOnce = 100;
const rounds = 5;
const price = { input: 1, output: 2, cacheRead: 1, cacheWrite: 1, label: 'bench' };

/**
 * What limits cost a turn: reserve, one call, settle and its row of the ledger, against the same with no limits, which writes the
 * row alone. CPU time of the process, so what LMDB's writer thread does is in it.
 */
export async function benchLimits(log: Log): Promise<BenchResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const store = openEmbeddedStore({ directory });
  const limited = accountingOf(store.accounts, settings);
  const unlimited = accountingOf(store.accounts, { tiers: {}, tenants: {} });
  await run(limited, 2_000, 'warm');
  await run(unlimited, 2_000, 'warm');
  const [costs, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    costs.push(await cpuPerTurn(() => run(limited, turns, `l${round}`)));
    bare.push(await cpuPerTurn(() => run(unlimited, turns, `u${round}`)));
  }
  await store.close();
  rmSync(directory, { recursive: true, force: true });
  const [withLimits, without] = [median(costs), median(bare)];
  log(`${withLimits.toFixed(1)} µs with seven limits, ${without.toFixed(1)} µs for the row of the ledger alone`);
  return [
    {
      name: 'limits, CPU per turn, embedded',
      value: withLimits - without,
      unit: 'µs',
      note: `seven limits in three scopes: ${withLimits.toFixed(1)} µs, less the ledger’s row alone ${without.toFixed(1)} µs; goal: at most 30`,
    },
    ...(await benchRoundTrips(log)),
  ];
}

export interface LimitsScene {
  pair: OperationPair;
  close(): Promise<void>;
}

/** For the guard: turns with seven limits, beside the row of the ledger that each writes anyway. */
export function openLimitsScene(): LimitsScene {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const store = openEmbeddedStore({ directory });
  const limited = accountingOf(store.accounts, settings);
  const unlimited = accountingOf(store.accounts, { tiers: {}, tenants: {} });
  let round = 0;
  return {
    pair: {
      name: `limits, ${atOnce} turns with seven`,
      baselineName: 'the row of the ledger alone',
      run: (times) => run(limited, times * atOnce, `l${round++}`),
      baseline: (times) => run(unlimited, times * atOnce, `u${round++}`),
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Commands that a turn waits for before it may begin. */
async function benchRoundTrips(log: Log): Promise<BenchResult[]> {
  const redis = await startRedis();
  if (redis === undefined) {
    log('redis-server is not installed: the round trips are left out');
    return [];
  }
  const options = { url: redis.url, onTrouble: () => {} };
  const connection = await connectRedis(options);
  const subscriber = await connectSubscriber(options, connection);
  const store = createRedisStore({
    connection,
    subscriber,
    prefix: 'bench',
    node: 'bench',
    async close() {
      subscriber.disconnect();
      connection.disconnect();
    },
  });
  const accounting = accountingOf(store.accounts, settings);
  await run(accounting, 500, 'warm');
  const before = await commandsOf(connection);
  const count = 2_000;
  const opened = performance.now();
  for (let i = 0; i < count; i++) await begin(accounting, `one${i}`);
  const eachMs = (performance.now() - opened) / count;
  const after = await commandsOf(connection);
  await store.close();
  await redis.stop();
  const trips = (after - before) / count;
  log(`${trips.toFixed(2)} round trips, ${(eachMs * 1_000).toFixed(0)} µs each, one after the other`);
  return [{ name: 'limits, round trips before a turn, Redis', value: trips, unit: 'calls', note: 'goal: one' }];
}

async function commandsOf(connection: { info(section: string): Promise<string> }): Promise<number> {
  const found = /cmdstat_evalsha:calls=(\d+)/.exec(await connection.info('commandstats'));
  return Number(found?.[1] ?? 0);
}

function accountingOf(store: AccountStore, limits: LimitSettings): Accounting {
  return new Accounting({
    store,
    node: 'bench',
    clock: systemClock,
    logger: silentLogger,
    metrics: silentMetrics,
    alerts: silentAlerts,
    settings: limits,
    priceOf: () => price,
    estimateTokens: 1_024,
    leaseMs: 15_000,
    isOpenOnLoss: false,
    thresholds: [0.8, 1],
    keepLedgerMs: Number.MAX_SAFE_INTEGER,
  });
}

async function begin(accounting: Accounting, turn: string) {
  const account = accounting.turn({
    tenant: 'bench',
    session: `s${turn.length}`,
    turn,
    spender: { subject: 'ann', key: 'k', address: '127.0.0.1' },
    maxCostUsd: undefined,
  });
  const refusal = await account.cover({ input: 500, calls: 1, price, most: 32_768 });
  if (refusal !== undefined) throw new Error(refusal.message);
  return account;
}

async function one(accounting: Accounting, turn: string): Promise<void> {
  const account = await begin(accounting, turn);
  const call = account.begin(price, 500);
  if (call instanceof Promise || 'code' in call) throw new Error('a call was not paid for');
  account.end(call, {
    kind: 'primary',
    status: 'completed',
    upstream: 'u',
    model: 'm',
    input: 500,
    output: 200,
    cached: 0,
    cacheWrite: 0,
    reasoning: 0,
    source: 'provider',
    totalMs: 1,
    shown: 200,
  });
  await account.settle();
  account.forget();
}

async function run(accounting: Accounting, count: number, name: string): Promise<void> {
  for (let at = 0; at < count; at += atOnce)
    await Promise.all(Array.from({ length: atOnce }, (_, i) => one(accounting, `${name}-${at + i}`)));
  await accounting.stop();
}

async function cpuPerTurn(action: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / turns;
}
