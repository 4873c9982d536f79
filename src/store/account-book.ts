import type { AccountResult, AccountStep, AccountStore, Meter, NewLedgerRow } from './account-contract.ts';
import { type AccountState, decideStep, lapse, type MeterState, useOf } from './account-rules.ts';

/**
 * What an account book keeps for later processes; called in the order of the changes. What is only reserved dies with the process:
 * on file are what was spent, and accounts that spent something. A bucket of a minute begins full with each process.
 */
export interface AccountBookFile {
  readMeter(tenant: string, name: string): Pick<MeterState, 'used' | 'window'> | undefined;
  writeMeter(tenant: string, name: string, state: Pick<MeterState, 'used' | 'window'>): void;
  /** Undefined removes it; its rows stay in the ledger. */
  writeAccount(tenant: string, account: string, state: AccountState | undefined): void;
  writeRow(tenant: string, row: NewLedgerRow, at: number): void;
  /** Resolves when everything that was written until now would survive this process. */
  flushed(): Promise<void>;
}

export interface AccountBookOptions {
  file: AccountBookFile;
  /** Milliseconds since 1970; never goes back. */
  now(): number;
}

/** Meters that are kept in memory; others are read again. */
const maxMeters = 20_000;
/** Of those, as many stay when there are too many. */
const keptShare = 0.9;

type AccountMethods = Pick<
  AccountStore,
  'step' | 'forgetAccounts' | 'releaseLapsed' | 'readMeters' | 'accountTenants'
> & {
  /** Puts in what an earlier process left. */
  restore(tenant: string, account: string, state: AccountState): void;
  stateOf(tenant: string, account: string): AccountState | undefined;
};

/** Accounts of one process, decided in memory. What was only reserved need not survive it; what was spent is on file. */
export function createAccountBook({ file, now }: AccountBookOptions): AccountMethods {
  const accounts = new Map<string, Map<string, AccountState>>();
  const meters = new Map<string, MeterState>();

  function meterState(tenant: string, name: string): MeterState {
    const key = `${tenant}\n${name}`;
    let state = meters.get(key);
    if (state === undefined) {
      const onFile = file.readMeter(tenant, name);
      state = { used: onFile?.used ?? 0, held: 0, window: onFile?.window ?? 0, fullAt: 0 };
      meters.set(key, state);
      if (meters.size > maxMeters) forgetIdleMeters();
    }
    return state;
  }

  /** Those that are as they would be read again; the oldest first. */
  function forgetIdleMeters(): void {
    const at = now();
    for (const [key, { held, fullAt }] of meters) {
      if (meters.size <= maxMeters * keptShare) return;
      if (held === 0 && fullAt <= at) meters.delete(key);
    }
  }

  function write(tenant: string, account: string, state: AccountState, states: readonly MeterState[]): void {
    let known = accounts.get(tenant);
    if (known === undefined) accounts.set(tenant, (known = new Map()));
    known.set(account, state);
    if (state.isSettled || hasSpent(state)) file.writeAccount(tenant, account, state);
    for (const [i, { name, window }] of state.meters.entries()) {
      const key = `${tenant}\n${name}`;
      const [was, is] = [meters.get(key), states[i]!];
      meters.set(key, is);
      if (window !== undefined && (was?.used !== is.used || was.window !== is.window))
        file.writeMeter(tenant, name, is);
    }
  }

  const statesOf = (tenant: string, of: readonly Meter[]): MeterState[] =>
    of.map(({ name }) => meterState(tenant, name));

  async function step(request: AccountStep): Promise<AccountResult> {
    const { tenant, account: id } = request;
    const at = now();
    const known = accounts.get(tenant)?.get(id);
    const states = statesOf(tenant, known?.meters ?? request.meters);
    const { result, changed } = decideStep({ step: request, account: known, states, now: at });
    if (changed === undefined) {
      // it may be on its way to the file
      if (result.outcome === 'settled') await file.flushed();
      return result;
    }
    const rows = (request.rows ?? []).filter(({ attempt }) => attempt > (known?.rows ?? 0));
    const rowsAt = rows.length === 0 ? known?.rowsAt : [...(known?.rowsAt ?? []), ...rows.map(() => at)];
    write(tenant, id, { ...changed.account, rowsAt }, changed.states);
    for (const row of rows) file.writeRow(tenant, row, at);
    // a reservation dies with the process; what was spent does not
    if (request.settle === true || (request.rows?.length ?? 0) > 0) await file.flushed();
    return result;
  }

  return {
    step,
    restore(tenant, account, left) {
      // what it held went with its process
      const state = { ...left, allowance: left.spent, open: 0, leaseUntil: Number.MAX_SAFE_INTEGER };
      const known = accounts.get(tenant);
      if (known === undefined) accounts.set(tenant, new Map([[account, state]]));
      else known.set(account, state);
    },
    stateOf: (tenant, account) => accounts.get(tenant)?.get(account),
    async forgetAccounts(tenant, ids) {
      const known = accounts.get(tenant);
      for (const id of ids) {
        if (known?.get(id)?.isSettled !== true) continue;
        known.delete(id);
        file.writeAccount(tenant, id, undefined);
      }
    },
    async releaseLapsed(tenant) {
      const at = now();
      let released = 0;
      for (const [id, state] of accounts.get(tenant) ?? []) {
        if (state.isSettled || state.leaseUntil > at) continue;
        const states = statesOf(tenant, state.meters);
        write(tenant, id, lapse(state, states, at), states);
        // nothing of it is left but its name
        if (!hasSpent(state)) accounts.get(tenant)?.delete(id);
        released++;
      }
      return released;
    },
    readMeters: async (tenant, asked) => {
      const at = now();
      return asked.map((meter) => useOf(meter, meterState(tenant, meter.name), at));
    },
    accountTenants: async () => [...accounts.keys()],
  };
}

function hasSpent({ spent, rows }: AccountState): boolean {
  return rows > 0 || spent.input + spent.output + spent.cost > 0;
}
