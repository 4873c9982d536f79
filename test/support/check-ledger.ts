import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { TurnEnded } from '../../protocol/frames/turn.ts';
import type { LedgerRow } from '../../src/ledger/contract.ts';
import { createRedisKeys } from '../../src/store/redis/keys.ts';
import type { NewLedgerRow } from '../../src/store/account-contract.ts';

type End = Pick<TurnEnded, 'turn' | 'usage' | 'costUsd'>;

/** The rows of a turn say what its end says, and each call is in the ledger once. */
export function checkRows(end: End, rows: readonly Pick<LedgerRow, keyof NewLedgerRow>[], about = end.turn): void {
  const sum = (of: (row: NewLedgerRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  expect(
    rows.map(({ attempt }) => attempt),
    `rows of ${about}`,
  ).toEqual(rows.map((_, i) => i + 1));
  expect(
    {
      input: sum(({ input }) => input),
      output: sum(({ output }) => output),
      reasoning: sum(({ reasoning }) => reasoning),
      cached: sum(({ cached }) => cached),
    },
    `ledger of ${about}`,
  ).toEqual({
    input: end.usage.input,
    output: end.usage.output,
    reasoning: end.usage.reasoning,
    cached: end.usage.cached,
  });
  if (end.costUsd !== undefined)
    expect(
      sum(({ costNanoUsd = 0 }) => costNanoUsd),
      `cost of ${about}`,
    ).toBe(Math.round(end.costUsd * 1e9));
}

/** What nodes on Redis wrote for these turns of the tenant `default`, and that nothing is reserved any more. */
export async function checkRedisLedger(admin: Redis, prefix: string, ends: readonly End[]): Promise<void> {
  const keys = createRedisKeys(prefix);
  const rows: NewLedgerRow[] = [];
  for (const day of await admin.smembers(keys.ledgerDays('default')))
    for (const [, fields] of await admin.xrange(keys.ledger('default', Number(day)), '-', '+'))
      rows.push(JSON.parse(fields[1]!) as NewLedgerRow);
  for (const end of ends) {
    const own = rows.filter(({ turn }) => turn === end.turn).toSorted((a, b) => a.attempt - b.attempt);
    checkRows(end, own);
  }
  let cost = 0;
  const meters = await admin.keys(`${keys.meter('default', '')}*`);
  if (ends.length > 0) expect(meters.length, 'meters').toBeGreaterThan(0);
  for (const name of meters) {
    const [used, held] = await admin.hmget(name, 'u', 'h');
    expect(Number(held), `held of ${name}`).toBe(0);
    if (name.endsWith('tenant:/costUsdPerMonth')) cost = Number(used);
  }
  const known = new Set(ends.map(({ turn }) => turn));
  if (rows.every(({ turn }) => known.has(turn)))
    expect(cost, 'spent').toBe(rows.reduce((total, { costNanoUsd = 0 }) => total + costNanoUsd, 0));
}
