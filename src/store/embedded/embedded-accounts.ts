import type { LedgerRow } from '../../ledger/contract.ts';
import { type AccountBookFile, createAccountBook } from '../account-book.ts';
import type { AccountStore, NewLedgerRow } from '../account-contract.ts';
import type { AccountState, MeterState } from '../account-rules.ts';
import type { DatabaseKey, JournaledDatabase } from './journaled-database.ts';
import { keys } from './keys.ts';

export interface EmbeddedAccountsOptions {
  database: Pick<JournaledDatabase, 'get' | 'put' | 'remove' | 'getRange' | 'getKeys' | 'commit'>;
}

interface Changes {
  meters: Map<string, { tenant: string; name: string; state: MeterOnFile }>;
  accounts: Map<string, { tenant: string; account: string; state: AccountState | undefined }>;
  rows: { tenant: string; row: NewLedgerRow; at: number }[];
}

type MeterOnFile = Pick<MeterState, 'used' | 'window'>;

const noChanges = (): Changes => ({ meters: new Map(), accounts: new Map(), rows: [] });

/** Rows removed in one transaction. */
const trimStep = 1_000;

/**
 * Accounts of the embedded store: decided in memory, written together with whatever else changed in the same turn of the event
 * loop. One transaction holds a state that is whole, so that nothing is held by an account that is not there.
 */
export function createEmbeddedAccounts({
  database,
}: EmbeddedAccountsOptions): AccountStore & { flushed(): Promise<void> } {
  let changes = noChanges();
  /** Has not taken the changes yet. */
  let writing: Promise<void> | undefined;
  /** The newest, whether or not it has. */
  let latest: Promise<void> | undefined;
  /** Taken by a transaction that has not been committed. */
  let underway = noChanges();
  /** Tenants that are listed. */
  const listed = new Set<string>();

  function changed(): Changes {
    void scheduled();
    return changes;
  }

  /** The write that will take everything changed until now; one after another, so that a state never replaces a newer one. */
  function scheduled(): Promise<void> {
    if (writing !== undefined) return writing;
    const before = latest?.catch(() => {});
    writing = new Promise<void>((resolve) => setImmediate(resolve)).then(() => before).then(flush);
    latest = writing;
    // who needs to know asks `flushed`
    writing.catch(() => {});
    return writing;
  }

  async function flush(): Promise<void> {
    try {
      await database.commit(() => {
        writing = undefined;
        // all states are of one moment
        underway = changes;
        changes = noChanges();
        write(underway);
      });
    } catch (error) {
      writing = undefined;
      changes = merged(underway, changes);
      listed.clear();
      throw error;
    } finally {
      underway = noChanges();
    }
  }

  async function flushed(): Promise<void> {
    // some are left of a write that failed
    const isLeft = changes.meters.size + changes.accounts.size + changes.rows.length > 0;
    await (isLeft ? scheduled() : latest);
  }

  function write({ meters, accounts, rows }: Changes): void {
    for (const { tenant, name, state } of meters.values())
      database.put(keys.meter(tenant, name), { used: state.used, window: state.window });
    for (const { tenant, row, at } of rows) {
      database.put(keys.ledger(tenant, at, row.turn, row.attempt), { ...row, at } satisfies LedgerRow);
      if (listed.has(tenant)) continue;
      listed.add(tenant);
      database.put(keys.ledgerTenant(tenant), 1);
    }
    for (const { tenant, account, state } of accounts.values()) {
      if (state === undefined) database.remove(keys.account(tenant, account));
      // one that is settled has no more to do with its meters
      else database.put(keys.account(tenant, account), state.isSettled ? { ...state, meters: [] } : state);
    }
  }

  const file: AccountBookFile = {
    readMeter(tenant, name) {
      const id = `${tenant}\n${name}`;
      const state = changes.meters.get(id)?.state ?? underway.meters.get(id)?.state;
      return state ?? (database.get(keys.meter(tenant, name)) as MeterOnFile | undefined);
    },
    writeMeter: (tenant, name, state) => void changed().meters.set(`${tenant}\n${name}`, { tenant, name, state }),
    writeAccount: (tenant, account, state) =>
      void changed().accounts.set(`${tenant}\n${account}`, { tenant, account, state }),
    writeRow: (tenant, row, at) => void changed().rows.push({ tenant, row, at }),
    flushed,
  };
  const book = createAccountBook({ file, now: createStoreTime() });
  for (const { key, value } of database.getRange(keys.accountsRange())) {
    const [, tenant, account] = key as unknown as [string, string, string];
    book.restore(tenant, account, value as AccountState);
  }

  return {
    ...book,
    flushed,
    async readAccount(tenant, account) {
      await flushed();
      const state = book.stateOf(tenant, account);
      if (state === undefined) return undefined;
      const turn = account.slice(account.indexOf('/') + 1);
      const rows = (state.rowsAt ?? [])
        .map((at, i) => database.get(keys.ledger(tenant, at, turn, i + 1)) as LedgerRow | undefined)
        .filter((row) => row !== undefined)
        .map(({ at: _at, ...row }): NewLedgerRow => row);
      return { isSettled: state.isSettled, spent: state.spent, allowance: state.allowance, rows };
    },
    async accountTenants() {
      const listed = database.getKeys(keys.ledgerTenantRange()).map((key) => (key as unknown as [string, string])[1]);
      return [...new Set([...listed, ...(await book.accountTenants())])];
    },
    async readLedger(tenant, { from, to, after, limit }) {
      await flushed();
      const start = after === undefined ? keys.ledgerFrom(tenant, from) : behindKey(after);
      const found = database.getRange({ start, end: keys.ledgerFrom(tenant, to), limit });
      const rows = found.map(({ value }) => value as LedgerRow);
      const last = found.at(-1)?.key;
      return { rows, next: found.length < limit || last === undefined ? undefined : JSON.stringify(last) };
    },
    async trimLedger(tenant, before) {
      for (;;) {
        const range = { start: keys.ledgerFrom(tenant, 0), end: keys.ledgerFrom(tenant, before), limit: trimStep };
        const old = database.getKeys(range);
        if (old.length === 0) return;
        await database.commit(() => {
          for (const key of old) database.remove(key);
        });
      }
    },
  };
}

/** The least key behind one that was told as JSON. */
function behindKey(json: string): DatabaseKey {
  return [...(JSON.parse(json) as DatabaseKey), 0];
}

function merged(older: Changes, newer: Changes): Changes {
  return {
    meters: new Map([...older.meters, ...newer.meters]),
    accounts: new Map([...older.accounts, ...newer.accounts]),
    rows: [...older.rows, ...newer.rows],
  };
}

/** Milliseconds since 1970 that never go back while the process lives, even if its clock is set back. */
function createStoreTime(): () => number {
  let last = Date.now();
  let lastTicks = performance.now();
  return () => {
    const ticks = performance.now();
    last = Math.max(Date.now(), last + (ticks - lastTicks));
    lastTicks = ticks;
    return Math.floor(last);
  };
}
