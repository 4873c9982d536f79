import type { CallReport } from '../limits/turn-account.ts';
import type { LogEventOf } from '../session/log-event.ts';
import type { StoredAccount } from '../store/account-contract.ts';
import type { CountedCall, TurnUsage } from './turn-usage.ts';

/** What the log of a turn tells of the call that a node which is gone was making. */
export interface SaidBefore {
  routed: LogEventOf<'turn.routed'>;
  /** All output tokens of the turn, by the gateway's own count. */
  output: number;
  reasoning: number;
  isExact: boolean;
}

/** Adds the calls of a turn that are in the ledger. */
export function addRows(usage: TurnUsage, account: StoredAccount | undefined): void {
  for (const row of account?.rows ?? []) usage.add(row.source === 'provider' ? row : undefined, row);
}

/**
 * The call that was under way when its node was lost: what was handed on and is in no row. Undefined where none was, as far as that is
 * known.
 */
export function lostCall(
  { routed, output, reasoning, isExact }: SaidBefore,
  account: StoredAccount | undefined,
): { report: CallReport; counted: CountedCall } | undefined {
  const rows = account?.rows ?? [];
  if (account?.isSettled === true) return undefined;
  const shown = rows.reduce((sum, row) => sum + (row.shown ?? 0), 0);
  const thought = rows.reduce((sum, row) => sum + ((row.shown ?? 0) > 0 ? (row.counted ?? row).reasoning : 0), 0);
  const rest = Math.max(0, output - shown);
  if (rest === 0 && rows.length > 0) return undefined;
  const counted = {
    input: routed.window.tokens,
    output: rest,
    reasoning: Math.min(rest, Math.max(0, reasoning - thought)),
  };
  return {
    counted,
    report: {
      kind: 'interrupted',
      status: 'interrupted',
      upstream: routed.upstream,
      model: routed.model,
      ...counted,
      cached: 0,
      cacheWrite: 0,
      source: isExact ? 'counted' : 'estimated',
      shown: rest,
      // the clock of a dead process is unknown
      totalMs: 0,
      ...(routed.route === undefined ? {} : { route: routed.route }),
      ...(routed.variant === undefined ? {} : { variant: routed.variant }),
    },
  };
}
