import { dayMs, windowAt } from '../lib/calendar-window.ts';
import type { AccountResult, AccountStep, Amounts, Meter, MeterUse } from './account-contract.ts';

/** What a store keeps of a meter; absent parts are zero. */
export interface MeterState {
  /** Spent in the window, or open now. */
  used: number;
  /** Allowed and not spent. */
  held: number;
  /** Begin of the window, milliseconds since 1970. */
  window: number;
  /** When a bucket is full again (the theoretical arrival time of GCRA), milliseconds. */
  fullAt: number;
}

/** What a store keeps of an account. */
export interface AccountState {
  owner: string;
  meters: readonly Meter[];
  spent: Amounts;
  allowance: Amounts;
  open: number;
  isSettled: boolean;
  /** When its lease runs out, milliseconds by the store's clock. */
  leaseUntil: number;
  /** Rows in the ledger: the largest number of an attempt. */
  rows: number;
  /** When they were written, where the store finds them by that. */
  rowsAt?: number[] | undefined;
}

export const noAmounts: Readonly<Amounts> = { turns: 0, input: 0, output: 0, cost: 0 };

const units = ['turns', 'input', 'output', 'cost'] as const;

/** Brings a meter to now: windows begin anew, and a bucket never misses more than it holds, whatever clocks did. */
export function refresh(meter: Meter, state: MeterState, now: number): void {
  if (meter.window !== undefined) {
    const { begin } = windowAt(meter.window, now);
    // a clock that was set back a little does not give a window twice; one that was far ahead does not lock it up
    if (begin > state.window) state.used = 0;
    else if (state.window - begin <= dayMs) return;
    state.window = begin;
  } else if (meter.perMinute !== undefined) {
    const fillMs = meter.perMinute > 0 ? (meter.max / meter.perMinute) * 60_000 : 0;
    state.fullAt = Math.min(state.fullAt, now + fillMs);
  }
}

/** What is missing to the brim of a bucket, or used and held of another meter. */
function takenOf(meter: Meter, state: MeterState, now: number): number {
  if (meter.perMinute === undefined) return state.used + state.held;
  return (Math.max(0, state.fullAt - now) * meter.perMinute) / 60_000;
}

/** What the account takes of a meter: `spent` and what is allowed beyond it. */
function shareOf({ unit }: Meter, { spent, allowance, open }: Pick<AccountState, 'spent' | 'allowance' | 'open'>) {
  if (unit === 'open') return { used: 0, held: open };
  return { used: spent[unit], held: Math.max(0, allowance[unit] - spent[unit]) };
}

type Share = ReturnType<typeof shareOf>;

function move(meter: Meter, state: MeterState, from: Share, to: Share, now: number): void {
  if (meter.perMinute === undefined) {
    state.used = Math.max(0, state.used + to.used - from.used);
    state.held = Math.max(0, state.held + to.held - from.held);
    return;
  }
  const taken = to.used + to.held - (from.used + from.held);
  if (taken === 0 || meter.perMinute === 0) return;
  state.fullAt = Math.max(state.fullAt, now) + (taken * 60_000) / meter.perMinute;
}

/** Until a meter has room for `need`; undefined where it never has. `ownHeld`: what whoever asks holds of it. */
function waitFor(meter: Meter, state: MeterState, need: number, now: number, ownHeld: number): number | undefined {
  if (need > meter.max) return undefined;
  if (meter.window !== undefined) {
    // what others hold they may give back at any time
    if (need <= meter.max - state.used - ownHeld) return openRetryMs;
    return windowAt(meter.window, Math.max(now, state.window)).end - now;
  }
  if (meter.perMinute === undefined) return openRetryMs;
  const missing = need - (meter.max - takenOf(meter, state, now));
  return Math.ceil((missing * 60_000) / meter.perMinute);
}

/** Something that is open ends at some time nobody knows, milliseconds. */
const openRetryMs = 1_000;

/** What the store gives to a step. */
export interface StepInput {
  step: AccountStep;
  /** As it is stored; undefined where there is none. */
  account: AccountState | undefined;
  /** Of the account's meters, in their order. */
  states: readonly MeterState[];
  now: number;
}

export interface Decision {
  result: AccountResult;
  /** What is to be written, in one go: the account and its meters, in their order. Absent: nothing changes. */
  changed?: { account: AccountState; states: readonly MeterState[] };
}

/** The decision of a step, alike for every store (store/redis/commands/account.lua says the same). */
export function decideStep({ step, account: known, states: stored, now }: StepInput): Decision {
  if (known?.isSettled === true) return { result: { outcome: 'settled', isNew: false, uses: [] } };
  if (known !== undefined && known.owner !== step.node && step.takesOver !== true) {
    // whoever only wants to know that there is a reservation has its answer
    if (step.cover === undefined) return { result: { outcome: 'foreign' } };
    return { result: { outcome: 'open', isNew: false, allowance: { ...known.allowance }, uses: [] } };
  }
  const states = stored.map((state) => ({ ...state }));
  const before = known ?? newAccount(step);
  const { meters } = before;
  const account: AccountState = {
    ...before,
    owner: step.node,
    // a running count may have been more than it came to
    spent: step.settle === true ? { ...step.spent } : largest(before.spent, step.spent),
    open: step.settle === true ? 0 : before.open,
    leaseUntil: now + step.leaseMs,
    isSettled: step.settle === true,
    rows: Math.max(before.rows, ...(step.rows ?? []).map(({ attempt }) => attempt)),
  };
  account.allowance = step.settle === true ? account.spent : largest(before.allowance, account.spent);
  const usedBefore = meters.map((meter, i) => {
    refresh(meter, states[i]!, now);
    return states[i]!.used;
  });
  const apply = (from: AccountState, to: AccountState): void => {
    for (const [i, meter] of meters.entries()) move(meter, states[i]!, shareOf(meter, from), shareOf(meter, to), now);
  };
  apply(before, account);
  const usesNow = (): MeterUse[] =>
    meters.flatMap(({ name, max, window }, i) => {
      const after = states[i]!.used;
      return window === undefined || after === usedBefore[i] ? [] : [{ name, max, before: usedBefore[i]!, after }];
    });
  if (step.settle === true)
    return {
      result: { outcome: 'settled', isNew: known === undefined, uses: usesNow() },
      changed: { account, states },
    };
  const isNew = known === undefined;
  // a turn that runs already is not asked whether it may
  if (step.cover === undefined && (!isNew || step.takesOver === true))
    return {
      result: { outcome: 'open', isNew, allowance: { ...account.allowance }, uses: usesNow() },
      changed: { account, states },
    };
  const grown = grow(step, account, states, now, isNew);
  if ('meter' in grown) {
    const { meter, retryAfterMs } = grown;
    // an account that never was leaves no trace
    if (isNew) return { result: { outcome: 'refused', meter, retryAfterMs, uses: [] } };
    return { result: { outcome: 'refused', meter, retryAfterMs, uses: usesNow() }, changed: { account, states } };
  }
  apply(account, grown);
  const { allowance } = grown;
  return {
    result: { outcome: 'open', isNew, allowance: { ...allowance }, uses: usesNow() },
    changed: { account: grown, states },
  };
}

/** The account with a larger allowance, or the meter that does not have it. */
function grow(
  { cover = noAmounts, output }: AccountStep,
  account: AccountState,
  states: readonly MeterState[],
  now: number,
  isNew: boolean,
): AccountState | { meter: string; retryAfterMs: number | undefined } {
  const base = largest(account.allowance, cover);
  const least = output?.least ?? 0;
  const costEach = output?.costEach ?? 0;
  let more = Math.max(least, output?.most ?? 0);
  let refused: { meter: string; retryAfterMs: number | undefined } | undefined;
  for (const [i, meter] of account.meters.entries()) {
    const room = meter.max - takenOf(meter, states[i]!, now);
    const fixed = meter.unit === 'open' ? (isNew ? 1 : 0) : base[meter.unit] - account.allowance[meter.unit];
    const each = meter.unit === 'output' ? 1 : meter.unit === 'cost' ? costEach : 0;
    const need = fixed + Math.ceil(least * each);
    // a step that asks nothing of a meter is not refused for what others did to it
    if (need > 0 && need > room) {
      const retryAfterMs = waitFor(meter, states[i]!, need, now, shareOf(meter, account).held);
      if (refused === undefined || isLonger(retryAfterMs, refused.retryAfterMs))
        refused = { meter: meter.name, retryAfterMs };
    } else if (each > 0) {
      more = Math.min(more, Math.max(least, Math.floor((room - fixed) / each)));
    }
  }
  if (refused !== undefined) return refused;
  return {
    ...account,
    open: isNew ? 1 : account.open,
    allowance: { ...base, output: base.output + more, cost: base.cost + Math.ceil(more * costEach) },
  };
}

/** Never is the longest. */
function isLonger(a: number | undefined, b: number | undefined): boolean {
  return b !== undefined && (a === undefined || a > b);
}

function newAccount({ meters, node }: AccountStep): AccountState {
  return {
    owner: node,
    meters,
    spent: { ...noAmounts },
    allowance: { ...noAmounts },
    open: 0,
    isSettled: false,
    leaseUntil: 0,
    rows: 0,
  };
}

function largest(a: Amounts, b: Amounts): Amounts {
  const result = { ...a };
  for (const unit of units) result[unit] = Math.max(a[unit], b[unit]);
  return result;
}

/** What lapses is given back, and the account can still be settled with what it spent. */
export function lapse(account: AccountState, states: readonly MeterState[], now: number): AccountState {
  const after = { ...account, allowance: account.spent, open: 0, leaseUntil: Number.MAX_SAFE_INTEGER };
  for (const [i, meter] of account.meters.entries()) {
    refresh(meter, states[i]!, now);
    move(meter, states[i]!, shareOf(meter, account), shareOf(meter, after), now);
  }
  return after;
}

/** What `readMeters` answers of one. */
export function useOf(meter: Meter, state: MeterState, now: number): { used: number; held: number } {
  refresh(meter, state, now);
  if (meter.perMinute !== undefined) return { used: takenOf(meter, state, now), held: 0 };
  return { used: state.used, held: state.held };
}
