import type { LedgerRow } from '../../src/ledger/contract.ts';
import { createAccountBook } from '../../src/store/account-book.ts';
import type { AccountStore, NewLedgerRow } from '../../src/store/account-contract.ts';

/** Accounts in memory, with the rules of the embedded store. `step` gives each call its duration. */
export function createMemoryAccounts(
  step: <Result>(action: () => Promise<Result>) => Promise<Result> = (action) => action(),
  now: () => number = Date.now,
): AccountStore {
  const ledger: LedgerRow[] = [];
  const rows = new Map<string, NewLedgerRow[]>();
  const book = createAccountBook({
    now,
    file: {
      readMeter: () => undefined,
      writeMeter: () => {},
      writeAccount(_tenant, account, state) {
        if (state === undefined) rows.delete(account.slice(account.indexOf('/') + 1));
      },
      writeRow(_tenant, row, at) {
        ledger.push({ ...structuredClone(row), at });
        rows.set(row.turn, [...(rows.get(row.turn) ?? []), row]);
      },
      flushed: async () => {},
    },
  });
  return {
    step: (request) => step(() => book.step(structuredClone(request))),
    forgetAccounts: (...asked) => step(() => book.forgetAccounts(...asked)),
    releaseLapsed: (tenant) => step(() => book.releaseLapsed(tenant)),
    readMeters: (...asked) => step(() => book.readMeters(...asked)),
    accountTenants: () =>
      step(async () => [...new Set([...ledger.map(({ tenant }) => tenant), ...(await book.accountTenants())])]),
    readAccount: (tenant, account) =>
      step(async () => {
        const state = book.stateOf(tenant, account);
        if (state === undefined) return undefined;
        const { isSettled, spent, allowance } = state;
        return structuredClone({
          isSettled,
          spent,
          allowance,
          rows: rows.get(account.slice(account.indexOf('/') + 1)) ?? [],
        });
      }),
    readLedger: (tenant, { from, to, after, limit }) =>
      step(async () => {
        const found = ledger.filter((row) => row.tenant === tenant && row.at >= from && row.at < to);
        const start = Number(after ?? 0);
        const page = found.slice(start, start + limit);
        return { rows: page, next: start + limit < found.length ? String(start + limit) : undefined };
      }),
    trimLedger: (tenant, before) =>
      step(async () => {
        const kept = ledger.filter((row) => row.tenant !== tenant || row.at >= before);
        ledger.splice(0, ledger.length, ...kept);
      }),
  };
}
