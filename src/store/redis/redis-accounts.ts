import type { LedgerRow } from '../../ledger/contract.ts';
import type {
  AccountResult,
  AccountStep,
  AccountStore,
  Amounts,
  Meter,
  MeterUse,
  NewLedgerRow,
} from '../account-contract.ts';
import { noAmounts } from '../account-rules.ts';
import type { RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';

export interface RedisAccountsOptions {
  connection: RedisConnection;
  keys: RedisKeys;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
  askToRead<Result>(action: () => Promise<Result>): Promise<Result>;
}

const dayMs = 86_400_000;
/** Accounts given back in one command. */
const lapsedStep = 100;
/** A settled account answers repeated steps for this long after its turn was stored as ended, milliseconds. */
const forgottenMs = 60_000;

/** Accounts that nodes share: a tenant's are in one slot, so that a step is one command whatever it counts. */
export function createRedisAccounts({ connection, keys, ask, askToRead }: RedisAccountsOptions): AccountStore {
  const stepOnce = async (step: AccountStep): Promise<AccountResult> => {
    const { tenant, account, spent, cover, output, rows = [] } = step;
    const answer = (await connection.parleyAccountStep(
      keys.account(tenant, account),
      keys.accountRows(tenant, account),
      keys.leases(tenant),
      keys.ledger(tenant, ''),
      keys.ledgerDays(tenant),
      keys.meter(tenant, ''),
      account,
      linesOf(step.meters),
      ...amountsOf(spent),
      cover === undefined ? '' : '1',
      ...amountsOf(cover ?? noAmounts),
      output?.least ?? 0,
      output?.most ?? 0,
      output?.costEach ?? 0,
      step.leaseMs,
      step.settle === true ? '1' : '',
      step.takesOver === true ? '1' : '',
      step.node,
      ...rows.flatMap((row) => [row.attempt, JSON.stringify(row)]),
    )) as [AccountResult['outcome'], ...(string | number)[]];
    return resultOf(answer);
  };

  return {
    step: (step) => ask(() => stepOnce(step)),
    readAccount: (tenant, account) =>
      askToRead(async () => {
        const [fields, rows] = await Promise.all([
          connection.hgetall(keys.account(tenant, account)),
          connection.hgetall(keys.accountRows(tenant, account)),
        ]);
        if (fields.m === undefined) return undefined;
        const amounts = (prefix: string): Amounts => ({
          turns: Number(fields[`${prefix}:turns`]),
          input: Number(fields[`${prefix}:input`]),
          output: Number(fields[`${prefix}:output`]),
          cost: Number(fields[`${prefix}:cost`]),
        });
        return {
          isSettled: fields.st === 'settled',
          spent: amounts('s'),
          allowance: amounts('a'),
          rows: Object.values(rows)
            .map((json) => JSON.parse(json) as NewLedgerRow)
            .toSorted((a, b) => a.attempt - b.attempt),
        };
      }),
    forgetAccounts: (tenant, accounts) =>
      ask(async () => {
        await Promise.all(
          accounts.flatMap((account) => [
            connection.pexpire(keys.account(tenant, account), forgottenMs),
            connection.pexpire(keys.accountRows(tenant, account), forgottenMs),
          ]),
        );
      }),
    releaseLapsed: (tenant) =>
      ask(async () => {
        let released = 0;
        for (let count = lapsedStep; count === lapsedStep; released += count) {
          count = Number(
            await connection.parleyReleaseLapsed(
              keys.leases(tenant),
              keys.account(tenant, ''),
              keys.meter(tenant, ''),
              lapsedStep,
            ),
          );
        }
        return released;
      }),
    readMeters: (tenant, meters) =>
      askToRead(async () => {
        const found = (await connection.parleyReadMeters(keys.meter(tenant, ''), linesOf(meters))) as string[];
        return meters.map((_, i) => ({ used: Number(found[2 * i]), held: Number(found[2 * i + 1]) }));
      }),
    accountTenants: () => askToRead(() => connection.smembers(keys.tenants())),
    readLedger: (tenant, { from, to, after, limit }) =>
      askToRead(async () => {
        const days = (await connection.smembers(keys.ledgerDays(tenant))).map(Number).toSorted((a, b) => a - b);
        const [afterDay, afterId] = after === undefined ? [undefined, undefined] : after.split('/');
        const rows: LedgerRow[] = [];
        for (const day of days) {
          if ((day + 1) * dayMs <= from || day * dayMs >= to || day < Number(afterDay ?? 0)) continue;
          const start = day === Number(afterDay) ? `(${afterId}` : String(Math.max(0, from));
          const room = limit - rows.length;
          const found = (await connection.xrange(keys.ledger(tenant, day), start, `(${to}-0`, 'COUNT', room)) as [
            string,
            string[],
          ][];
          for (const [id, fields] of found)
            rows.push({ ...(JSON.parse(fields[1]!) as NewLedgerRow), at: Number.parseInt(id, 10) });
          if (found.length === room) return { rows, next: `${day}/${found.at(-1)![0]}` };
        }
        return { rows };
      }),
    trimLedger: (tenant, before) =>
      ask(async () => {
        for (const day of await connection.smembers(keys.ledgerDays(tenant))) {
          const key = keys.ledger(tenant, Number(day));
          if ((Number(day) + 1) * dayMs <= before) {
            await connection.unlink(key);
            await connection.srem(keys.ledgerDays(tenant), day);
          } else if (Number(day) * dayMs < before) {
            await connection.xtrim(key, 'MINID', `${before}-0`);
          }
        }
      }),
  };
}

function linesOf(meters: readonly Meter[]): string {
  return meters
    .map(({ name, unit, max, perMinute, window }) => [name, unit, max, perMinute ?? '', window ?? ''].join('\t'))
    .join('\n');
}

function amountsOf({ turns, input, output, cost }: Amounts): number[] {
  return [turns, input, output, cost];
}

function resultOf([outcome, ...parts]: [AccountResult['outcome'], ...(string | number)[]]): AccountResult {
  switch (outcome) {
    case 'foreign':
      return { outcome };
    case 'settled':
      return { outcome, isNew: Number(parts[0]) === 1, uses: usesOf(parts.slice(1)) };
    case 'refused': {
      const retryAfterMs = parts[1] === '' ? undefined : Number(parts[1]);
      return { outcome, meter: String(parts[0]), retryAfterMs, uses: usesOf(parts.slice(2)) };
    }
    case 'open': {
      const [turns, input, output, cost] = parts.slice(1, 5).map(Number) as [number, number, number, number];
      const allowance = { turns, input, output, cost };
      return { outcome, isNew: Number(parts[0]) === 1, allowance, uses: usesOf(parts.slice(5)) };
    }
  }
}

function usesOf(parts: (string | number)[]): MeterUse[] {
  return Array.from({ length: parts.length / 4 }, (_, i) => ({
    name: String(parts[4 * i]),
    before: Number(parts[4 * i + 1]),
    after: Number(parts[4 * i + 2]),
    max: Number(parts[4 * i + 3]),
  }));
}
