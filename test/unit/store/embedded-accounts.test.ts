import { expect, onTestFinished, test } from 'vitest';
import type { AccountStep, Meter } from '../../../src/store/account-contract.ts';
import { createEmbeddedAccounts } from '../../../src/store/embedded/embedded-accounts.ts';
import { type DatabaseKey, JournaledDatabase, type KeyRange } from '../../../src/store/embedded/journaled-database.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

const budget: Meter = { name: 'tenant/costUsdPerMonth', unit: 'cost', max: 1_000, window: 'month' };
const settled = (account: string, cost: number): AccountStep => ({
  tenant: 'acme',
  account,
  node: 'n',
  meters: [budget],
  spent: { turns: 1, input: 0, output: 0, cost },
  leaseMs: 60_000,
  settle: true,
});

function scene() {
  const database = new JournaledDatabase({ directory: temporaryDirectory(), durability: 'process' });
  onTestFinished(() => database.close());
  const disk = { isFull: false, held: undefined as Promise<void> | undefined };
  const commit = async <Result>(action: () => Result): Promise<Result> => {
    if (!disk.isFull) {
      const result = await database.commit(action);
      await disk.held;
      return result;
    }
    return database.transaction(() => {
      action();
      throw new Error('the disk is full');
    });
  };
  const flaky = {
    get: (key: DatabaseKey) => database.get(key),
    put: (key: DatabaseKey, value: string | number | object) => database.put(key, value),
    remove: (key: DatabaseKey) => database.remove(key),
    getRange: (range: KeyRange) => database.getRange(range),
    getKeys: (range: KeyRange) => database.getKeys(range),
    commit,
  };
  const created = () => createEmbeddedAccounts({ database: flaky });
  return { disk, created };
}

test('what a failed commit held is written with the next', async () => {
  const { disk, created } = scene();
  const accounts = created();
  disk.isFull = true;
  await expect(accounts.step(settled('a', 30))).rejects.toThrow('full');
  expect(await accounts.readMeters('acme', [budget])).toEqual([{ used: 30, held: 0 }]);
  // asked again, it is not answered before it is on file
  await expect(accounts.step(settled('a', 30))).rejects.toThrow('full');
  disk.isFull = false;
  expect(await accounts.step(settled('a', 30))).toMatchObject({ outcome: 'settled' });
  expect(await created().readMeters('acme', [budget])).toEqual([{ used: 30, held: 0 }]);
});

test('a newer state is never replaced by one of a commit that failed', async () => {
  const { disk, created } = scene();
  const accounts = created();
  disk.isFull = true;
  const first = accounts.step(settled('a', 30));
  await expect(first).rejects.toThrow('full');
  disk.isFull = false;
  await accounts.step(settled('b', 12));
  const again = created();
  expect(await again.readMeters('acme', [budget])).toEqual([{ used: 42, held: 0 }]);
  expect(await again.readAccount('acme', 'a')).toMatchObject({ isSettled: true });
});

test('a repeated settle waits for the commit of the first', async () => {
  const { disk, created } = scene();
  const accounts = created();
  let release = (): void => {};
  disk.held = new Promise((resolve) => (release = resolve));
  const answers: string[] = [];
  const first = accounts.step(settled('a', 30)).then(() => answers.push('first'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = accounts.step(settled('a', 30)).then(() => answers.push('second'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(answers).toEqual([]);
  release();
  await Promise.all([first, second]);
  expect(answers).toHaveLength(2);
});
