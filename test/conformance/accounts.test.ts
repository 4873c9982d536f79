import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AccountStep, AccountStore, Meter, NewLedgerRow } from '../../src/store/account-contract.ts';
import type { Store } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { createMemoryAccounts } from '../support/memory-accounts.ts';
import { temporaryDirectory } from '../support/test-gateway.ts';
import { storeList } from '../support/store-list.ts';

const budget: Meter = { name: 'tenant/costUsdPerMonth', unit: 'cost', max: 1_000, window: 'month' };
const concurrent: Meter = { name: 'user:a/concurrentTurns', unit: 'open', max: 2 };
const output: Meter = { name: 'key:k/outputTokensPerMinute', unit: 'output', max: 100, perMinute: 0.001 };
const none = { turns: 0, input: 0, output: 0, cost: 0 };

function stepOf(account: string, more: Partial<AccountStep> = {}): AccountStep {
  return { tenant: 'acme', account, node: 'n', meters: [budget], spent: none, leaseMs: 60_000, ...more };
}

function rowOf(turn: string, attempt: number, more: Partial<NewLedgerRow> = {}): NewLedgerRow {
  return {
    tenant: 'acme',
    session: 's',
    turn,
    attempt,
    kind: 'primary',
    status: 'completed',
    upstream: 'u',
    model: 'm',
    user: 'a',
    input: 5,
    output: 7,
    cached: 0,
    cacheWrite: 0,
    reasoning: 0,
    source: 'provider',
    costNanoUsd: 12,
    totalMs: 3,
    ...more,
  };
}

describe.each(storeList())('limits and budgets: $name', ({ open }) => {
  let store: Store;
  let accounts: AccountStore;
  beforeEach(async () => {
    store = await open();
    accounts = store.accounts;
  });
  afterEach(() => store.close());

  const used = async (...meters: Meter[]) => accounts.readMeters('acme', meters);

  test('holds what is reserved, counts what is spent, gives back the rest, once', async () => {
    const opened = await accounts.step(stepOf('a', { cover: { ...none, input: 10, cost: 400 } }));
    expect(opened).toMatchObject({ outcome: 'open', isNew: true, allowance: { input: 10, cost: 400 }, uses: [] });
    expect(await used(budget)).toEqual([{ used: 0, held: 400 }]);
    // a repeated step changes nothing
    expect(await accounts.step(stepOf('a', { cover: { ...none, input: 10, cost: 400 } }))).toMatchObject({
      outcome: 'open',
      isNew: false,
    });
    expect(await used(budget)).toEqual([{ used: 0, held: 400 }]);
    const spent = { ...none, cost: 150 };
    expect(await accounts.step(stepOf('a', { spent }))).toMatchObject({
      outcome: 'open',
      uses: [{ name: budget.name, before: 0, after: 150, max: 1_000 }],
    });
    expect(await used(budget)).toEqual([{ used: 150, held: 250 }]);
    expect(await accounts.step(stepOf('a', { spent: { ...none, cost: 160 }, settle: true }))).toMatchObject({
      outcome: 'settled',
      isNew: false,
      uses: [{ before: 150, after: 160 }],
    });
    expect(await used(budget)).toEqual([{ used: 160, held: 0 }]);
    expect(await accounts.step(stepOf('a', { spent: { ...none, cost: 999 }, settle: true }))).toMatchObject({
      outcome: 'settled',
      uses: [],
    });
    expect(await used(budget)).toEqual([{ used: 160, held: 0 }]);
  });

  test('refuses with the meter that has no room, and leaves no trace of it', async () => {
    const meters = [budget, concurrent];
    await accounts.step(stepOf('a', { meters, cover: { ...none, cost: 10 } }));
    await accounts.step(stepOf('b', { meters, cover: { ...none, cost: 10 } }));
    expect(await accounts.step(stepOf('c', { meters, cover: { ...none, cost: 10 } }))).toMatchObject({
      outcome: 'refused',
      meter: concurrent.name,
      retryAfterMs: 1_000,
    });
    expect(await used(budget, concurrent)).toEqual([
      { used: 0, held: 20 },
      { used: 0, held: 2 },
    ]);
    await accounts.step(stepOf('a', { meters, settle: true }));
    expect(await accounts.step(stepOf('c', { meters, cover: { ...none, cost: 991 } }))).toMatchObject({
      outcome: 'refused',
      meter: budget.name,
      retryAfterMs: expect.any(Number),
    });
    // too large for the limit itself: waiting does not help
    const tooLarge = await accounts.step(stepOf('d', { meters, cover: { ...none, cost: 1_001 } }));
    expect(tooLarge).toMatchObject({ outcome: 'refused', meter: budget.name, retryAfterMs: undefined });
    expect(await accounts.readAccount('acme', 'd')).toBeUndefined();
  });

  test('allows as many output tokens as all meters have, at least and at most', async () => {
    const meters = [budget, output];
    const first = await accounts.step(
      stepOf('a', { meters, cover: { ...none, cost: 100 }, output: { least: 1, most: 5_000, costEach: 10 } }),
    );
    // 900 of the budget are left for 90 tokens at 10, fewer than the 100 of the bucket
    expect(first).toMatchObject({ outcome: 'open', allowance: { output: 90, cost: 1_000 } });
    expect(await accounts.step(stepOf('b', { meters, output: { least: 1, most: 5, costEach: 10 } }))).toMatchObject({
      outcome: 'refused',
      meter: budget.name,
    });
    await accounts.step(stepOf('a', { spent: { ...none, output: 30, cost: 400 }, settle: true }));
    const second = await accounts.step(stepOf('b', { meters, output: { least: 1, most: 500, costEach: 0.5 } }));
    expect(second).toMatchObject({ outcome: 'open', allowance: { output: 70, cost: 35 } });
    // a running one asks for more
    expect(
      await accounts.step(
        stepOf('b', {
          spent: { ...none, output: 60, cost: 30 },
          output: { least: 1, most: 9, costEach: 1 },
          cover: none,
        }),
      ),
    ).toMatchObject({ outcome: 'refused', meter: output.name });
    expect(await accounts.readAccount('acme', 'b')).toMatchObject({ spent: { output: 60 }, allowance: { output: 70 } });
  });

  test('a bucket fills again, and never holds more than its burst', async () => {
    const turns: Meter = { name: 'user:a/turnsPerMinute', unit: 'turns', max: 2, perMinute: 1_200 };
    const take = (account: string) => accounts.step(stepOf(account, { meters: [turns], cover: { ...none, turns: 1 } }));
    expect(await take('a')).toMatchObject({ outcome: 'open' });
    expect(await take('b')).toMatchObject({ outcome: 'open' });
    const refused = await take('c');
    expect(refused).toMatchObject({ outcome: 'refused', meter: turns.name, retryAfterMs: expect.any(Number) });
    await expect.poll(async () => (await take('c')).outcome).toBe('open');
    await expect.poll(async () => (await used(turns))[0]!.used).toBe(0);
    expect(await take('d')).toMatchObject({ outcome: 'open' });
  });

  test('a limit of nothing refuses, with and without a clock', async () => {
    for (const meter of [
      { name: 'x', unit: 'turns', max: 0, perMinute: 0 },
      { name: 'y', unit: 'turns', max: 0, window: 'day' },
      { name: 'z', unit: 'open', max: 0 },
    ] satisfies Meter[]) {
      expect(await accounts.step(stepOf('a', { meters: [meter], cover: { ...none, turns: 1 } }))).toMatchObject({
        outcome: 'refused',
        meter: meter.name,
        retryAfterMs: undefined,
      });
    }
  });

  test('what nobody renews is given back, and is still settled with what it spent', async () => {
    const meters = [budget, concurrent];
    await accounts.step(stepOf('a', { meters, cover: { ...none, cost: 300 }, leaseMs: 1 }));
    await accounts.step(stepOf('b', { meters, cover: { ...none, cost: 300 } }));
    await expect.poll(() => accounts.releaseLapsed('acme')).toBe(1);
    expect(await used(budget, concurrent)).toEqual([
      { used: 0, held: 300 },
      { used: 0, held: 1 },
    ]);
    const row = rowOf('a', 1);
    const settled = await accounts.step(stepOf('a', { spent: { ...none, cost: 40 }, rows: [row], settle: true }));
    expect(settled).toMatchObject({ outcome: 'settled' });
    expect(await used(budget, concurrent)).toEqual([
      { used: 40, held: 300 },
      { used: 0, held: 1 },
    ]);
    expect(await accounts.releaseLapsed('acme')).toBe(0);
  });

  test('an account that was never opened is settled all the same', async () => {
    expect(await accounts.step(stepOf('a', { spent: { ...none, cost: 5 }, settle: true }))).toMatchObject({
      outcome: 'settled',
      isNew: true,
    });
    expect(await used(budget)).toEqual([{ used: 5, held: 0 }]);
  });

  test('belongs to one node: who has lost it says nothing more of it', async () => {
    await accounts.step(stepOf('t', { cover: { ...none, cost: 300 } }));
    // another node that was sent the same turn sees the reservation and changes nothing
    expect(await accounts.step(stepOf('t', { node: 'm', cover: { ...none, cost: 900 } }))).toMatchObject({
      outcome: 'open',
      isNew: false,
      allowance: { cost: 300 },
    });
    expect(await accounts.step(stepOf('t', { node: 'm', settle: true }))).toEqual({ outcome: 'foreign' });
    expect(await accounts.step(stepOf('t', { node: 'm', takesOver: true }))).toMatchObject({ outcome: 'open' });
    const late = stepOf('t', { spent: { ...none, cost: 99 }, rows: [rowOf('t', 1)] });
    expect(await accounts.step(late)).toEqual({ outcome: 'foreign' });
    expect(await accounts.step({ ...late, settle: true })).toEqual({ outcome: 'foreign' });
    expect(await accounts.readAccount('acme', 't')).toMatchObject({ isSettled: false, rows: [], spent: none });
    await accounts.step(stepOf('t', { node: 'm', spent: { ...none, cost: 50 }, rows: [rowOf('t', 1)], settle: true }));
    expect(await used(budget)).toEqual([{ used: 50, held: 0 }]);
    // one that nobody had reserved for is taken over, too
    await accounts.step(stepOf('u', { node: 'm', takesOver: true }));
    expect(await accounts.step(stepOf('u', { settle: true }))).toEqual({ outcome: 'foreign' });
  });

  test('a row has its place in the ledger once', async () => {
    const rows = [rowOf('t', 1), rowOf('t', 2, { kind: 'retry', status: 'aborted' })];
    await accounts.step(stepOf('t', { rows: rows.slice(0, 1) }));
    await accounts.step(stepOf('t', { rows: rows.slice(0, 1) }));
    await accounts.step(stepOf('t', { rows, settle: true, spent: { ...none, cost: 24 } }));
    await accounts.step(stepOf('t', { rows, settle: true }));
    await accounts.step(stepOf('u', { rows: [rowOf('u', 1)], settle: true }));
    expect(await accounts.readAccount('acme', 't')).toMatchObject({ isSettled: true, rows });
    const span = { from: 0, to: Date.now() + 60_000 };
    const { rows: all, next } = await accounts.readLedger('acme', { ...span, limit: 10 });
    expect(all.map(({ turn, attempt }) => `${turn}${attempt}`)).toEqual(['t1', 't2', 'u1']);
    expect(all[1]).toEqual({ ...rows[1], at: expect.any(Number) });
    expect(next).toBeUndefined();
    const read = [];
    let after: string | undefined;
    do {
      const page = await accounts.readLedger('acme', { ...span, after, limit: 2 });
      read.push(...page.rows);
      after = page.next;
    } while (after !== undefined);
    expect(read).toEqual(all);
    expect((await accounts.readLedger('other', { ...span, limit: 10 })).rows).toEqual([]);
    expect((await accounts.readLedger('acme', { from: 0, to: all[0]!.at, limit: 10 })).rows).toEqual([]);
    await accounts.forgetAccounts('acme', ['t', 'u']);
    await accounts.trimLedger('acme', Date.now() + 60_000);
    expect((await accounts.readLedger('acme', { ...span, limit: 10 })).rows).toEqual([]);
  });

  test('of many at once no more get through than there is room for, whoever asks', async () => {
    // a Cluster connects to a server with the first command for it
    await used(budget);
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        accounts.step(stepOf(`a${i}`, { cover: { ...none, cost: 70 }, output: { least: 3, most: 30, costEach: 1 } })),
      ),
    );
    const open = results.filter(({ outcome }) => outcome === 'open');
    expect(open.length).toBe(10);
    expect((await used(budget))[0]!.held).toBeLessThanOrEqual(1_000);
  });

  test('does what the rules say, whatever is asked in whatever order', async () => {
    const meters = [
      budget,
      concurrent,
      output,
      { name: 'in', unit: 'input', max: 300, window: 'day' },
    ] satisfies Meter[];
    const amounts = fc.record({
      turns: fc.integer({ min: 0, max: 2 }),
      input: fc.integer({ min: 0, max: 120 }),
      output: fc.integer({ min: 0, max: 40 }),
      cost: fc.integer({ min: 0, max: 400 }),
    });
    const anyStep = fc.record({
      account: fc.constantFrom('a', 'b', 'c', 'd'),
      spent: amounts,
      cover: fc.option(amounts, { nil: undefined }),
      output: fc.option(
        fc.record({
          least: fc.integer({ min: 0, max: 5 }),
          most: fc.integer({ min: 0, max: 50 }),
          costEach: fc.constantFrom(0, 0.25, 1, 7),
        }),
        { nil: undefined },
      ),
      settle: fc.constantFrom(false, false, false, true),
      node: fc.constantFrom('n', 'n', 'm'),
      takesOver: fc.constantFrom(false, false, false, true),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 12 }), async (steps) => {
        const tenant = `t${run++}`;
        const model = createMemoryAccounts();
        for (const step of steps) {
          const asked = { ...step, tenant, meters, leaseMs: 60_000 };
          const [got, wanted] = [await accounts.step(asked), await model.step(asked)];
          // they are asked at different moments
          const timeless = (result: typeof got) =>
            result.outcome === 'refused' && result.retryAfterMs !== undefined
              ? { ...result, retryAfterMs: expect.any(Number) }
              : result;
          expect(got).toEqual(timeless(wanted));
          const [now, then] = [await accounts.readMeters(tenant, meters), await model.readMeters(tenant, meters)];
          for (const [i, { used: amount, held }] of now.entries()) {
            expect(amount).toBeCloseTo(then[i]!.used, 3);
            expect(held).toBe(then[i]!.held);
            expect(held).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

test('embedded: what was spent survives the process, and nothing is held for ever', async () => {
  const directory = temporaryDirectory();
  const first = openEmbeddedStore({ directory });
  await first.accounts.step(stepOf('a', { cover: { ...none, cost: 300 }, leaseMs: 1 }));
  await first.accounts.step(stepOf('b', { cover: { ...none, cost: 200 } }));
  await first.accounts.step(stepOf('b', { spent: { ...none, cost: 120 }, rows: [rowOf('b', 1)], settle: true }));
  await first.close();
  const second = openEmbeddedStore({ directory });
  await second.accounts.releaseLapsed('acme');
  expect(await second.accounts.readMeters('acme', [budget])).toEqual([{ used: 120, held: 0 }]);
  expect(await second.accounts.readAccount('acme', 'b')).toMatchObject({ isSettled: true, rows: [{ turn: 'b' }] });
  expect(await second.accounts.accountTenants()).toEqual(['acme']);
  await second.close();
});
