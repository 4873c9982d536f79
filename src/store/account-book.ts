import type { AccountResult, AccountStep, AccountStore, Meter, NewLedgerRow } from './account-contract.ts';
import { type AccountState, decideStep, lapse, type MeterState, useOf } from './account-rules.ts';

/** What an account book keeps for later processes; called in the order of the changes. */
export interface AccountBookFile {
  readMeter(tenant: string, name: string): MeterState | undefined;
  writeMeter(tenant: string, name: string, state: MeterState): void;
  /** Undefined removes it, with its rows. */
  writeAccount(tenant: string, account: string, state: AccountState | undefined): void;
  writeRow(tenant: string, account: string, row: NewLedgerRow, at: number): void;
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
      state = file.readMeter(tenant, name) ?? { used: 0, held: 0, window: 0, fullAt: 0 };
      if (meters.size >= maxMeters) meters.delete(meters.keys().next().value!);
      meters.set(key, state);
    }
    return state;
  }

  function write(tenant: string, account: string, state: AccountState, states: readonly MeterState[]): void {
    let known = accounts.get(tenant);
    if (known === undefined) accounts.set(tenant, (known = new Map()));
    known.set(account, state);
    file.writeAccount(tenant, account, state);
    for (const [i, { name }] of state.meters.entries()) {
      meters.set(`${tenant}\n${name}`, states[i]!);
      file.writeMeter(tenant, name, states[i]!);
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
    if (changed === undefined) return result;
    write(tenant, id, changed.account, changed.states);
    for (const row of request.rows ?? []) if (row.attempt > (known?.rows ?? 0)) file.writeRow(tenant, id, row, at);
    // a reservation dies with the process; what was spent does not
    if (request.settle === true || (request.rows?.length ?? 0) > 0) await file.flushed();
    return result;
  }

  return {
    step,
    restore(tenant, account, state) {
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
