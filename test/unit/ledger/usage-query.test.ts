import { expect, test } from 'vitest';
import type { UsageQuery } from '../../../src/ledger/contract.ts';
import { costOf, tokenPrice } from '../../../src/ledger/price.ts';
import { createUsageQuery } from '../../../src/ledger/usage-query.ts';
import type { NewLedgerRow } from '../../../src/store/account-contract.ts';
import { createMemoryAccounts } from '../../support/memory-accounts.ts';

const day = 24 * 60 * 60_000;
const start = Date.UTC(2026, 0, 31, 22);

async function ledger() {
  let now = start;
  const store = createMemoryAccounts(undefined, () => now);
  const write = async (turn: string, rows: Partial<NewLedgerRow>[]) => {
    const { tenant = 'acme' } = rows[0]!;
    await store.step({
      tenant,
      account: turn,
      node: 'n',
      meters: [],
      spent: { turns: 1, input: 0, output: 0, cost: 0 },
      leaseMs: 1_000,
      settle: true,
      rows: rows.map((row, i) => ({
        tenant,
        session: 's',
        turn,
        attempt: i + 1,
        kind: 'primary',
        status: 'completed',
        upstream: 'u',
        model: 'm',
        user: 'ann',
        input: 10,
        output: 5,
        cached: 2,
        cacheWrite: 0,
        reasoning: 1,
        source: 'provider',
        costNanoUsd: 100_000_001,
        totalMs: 1,
        ...row,
      })),
    });
  };
  await write('t1', [{}, { kind: 'retry', status: 'failed', input: 0, output: 0, costNanoUsd: undefined }]);
  now += 3 * 60 * 60_000;
  await write('t2', [{ user: 'bob', model: 'n', costNanoUsd: undefined }]);
  await write('t3', [{ tenant: 'other', costNanoUsd: 7 }]);
  return { store, ask: createUsageQuery(store) };
}

const query: UsageQuery = { tenant: 'acme', from: start, to: start + day, groupBy: [], filter: {} };

test('sums the rows of a tenant: calls, turns, tokens, cost, and those of which the price is not known', async () => {
  const { ask } = await ledger();
  const report = await ask(query);
  const sums = {
    attempts: 3,
    turns: 2,
    input: 20,
    output: 10,
    cached: 6,
    reasoning: 3,
    costUsd: 0.100000001,
    unpriced: 1,
  };
  expect(report).toEqual({
    from: '2026-01-31T22:00:00.000Z',
    to: '2026-02-01T22:00:00.000Z',
    groups: [{ by: {}, ...sums }],
    total: sums,
  });
});

test('groups by anything and by time, and filters', async () => {
  const { ask } = await ledger();
  const { groups } = await ask({ ...query, groupBy: ['user', 'model'], interval: 'month' });
  expect(groups).toMatchObject([
    { time: '2026-01-01T00:00:00.000Z', by: { user: 'ann', model: 'm' }, attempts: 2, turns: 1 },
    { time: '2026-02-01T00:00:00.000Z', by: { user: 'bob', model: 'n' }, attempts: 1, costUsd: 0, unpriced: 1 },
  ]);
  expect((await ask({ ...query, filter: { kind: 'retry' } })).total).toMatchObject({ attempts: 1, input: 0 });
  expect((await ask({ ...query, interval: 'hour' })).groups.map(({ time }) => time)).toEqual([
    '2026-01-31T22:00:00.000Z',
    '2026-02-01T01:00:00.000Z',
  ]);
  expect((await ask({ ...query, tenant: undefined, groupBy: ['tenant'] })).groups.map(({ by }) => by.tenant)).toEqual([
    'acme',
    'other',
  ]);
  expect((await ask({ ...query, to: start + 1 })).total.attempts).toBe(2);
});

test('a query that is too large is refused, and says what to narrow', async () => {
  const { store, ask } = await ledger();
  await expect(ask({ ...query, to: start + 10_000 * day })).rejects.toMatchObject({ name: 'UsageQueryError' });
  await expect(ask({ ...query, to: start })).rejects.toThrow('before');
  await expect(createUsageQuery(store, { maxRows: 2 })(query)).rejects.toThrow('shorter time');
  await expect(createUsageQuery(store, { maxGroups: 1 })({ ...query, groupBy: ['user'] })).rejects.toThrow('groups');
});

test('a price in dollars per million is exact to the billionth, and what was used is never free', () => {
  const price = tokenPrice({ input: 0.0375, output: 0.15, cacheRead: 0.01 }, 'x');
  expect(costOf(price, { input: 1, output: 0, cached: 0 })).toBe(38);
  expect(costOf(price, { input: 1_000_000, output: 1_000_000, cached: 0 })).toBe(187_500_000);
  expect(costOf(price, { input: 100, output: 0, cached: 40 })).toBe(60 * 37.5 + 400);
  // a provider that counts its cache apart does not make it negative
  expect(costOf(price, { input: 10, output: 0, cached: 40 })).toBe(400);
  expect(costOf(tokenPrice({ input: 0, output: 0 }, 'x'), { input: 5, output: 5, cached: 0 })).toBe(0);
});
