import type { Clock, Timer } from '../lib/clock.ts';
import { networkOf } from '../lib/network-of.ts';
import type { AuditEntry, AuditLog } from './contract.ts';

/** An audit log that holds lines back for a while. */
export interface DigestingAuditLog extends AuditLog {
  /** Writes what is held back. */
  close(): void;
}

/** Wait before the first line with a count; it doubles while the refusals go on. Milliseconds. */
const firstWaitMs = 5_000;
const longestWaitMs = 60_000;
/** Kinds of refusals that are told apart at the same time; the others are counted together. */
const maxKinds = 256;

interface Kind {
  entry: AuditEntry;
  /** Since the line before. */
  count: number;
  waitMs: number;
  dueMs: number;
}

/**
 * Anybody can have credentials refused, as many as they like, and the disk is not to be theirs: the first refusal of an
 * address for a reason is noted at once, those that follow as lines with a count. All else is noted as it comes.
 */
export function digestRefusals(audit: AuditLog, clock: Pick<Clock, 'now' | 'setTimer'>): DigestingAuditLog {
  const kinds = new Map<string, Kind>();
  const others: Kind = {
    entry: { act: 'credential.refused', reason: 'refusals of many addresses and reasons' },
    count: 0,
    waitMs: longestWaitMs,
    dueMs: 0,
  };
  let timer: Timer | undefined;

  function tell(kind: Kind): void {
    if (kind.count === 0) return;
    audit.note({ ...kind.entry, count: kind.count });
    kind.count = 0;
  }

  function look(): void {
    timer = undefined;
    const nowMs = clock.now();
    for (const [name, kind] of kinds) {
      if (kind.dueMs > nowMs) continue;
      if (kind.count > 0) {
        tell(kind);
        kind.waitMs = Math.min(longestWaitMs, kind.waitMs * 2);
        kind.dueMs = nowMs + kind.waitMs;
      } else if (kind.dueMs + longestWaitMs <= nowMs) {
        // the next one is told at once again
        kinds.delete(name);
      }
    }
    if (others.dueMs <= nowMs) tell(others);
    if (kinds.size > 0 || others.count > 0) timer = clock.setTimer(look, firstWaitMs);
  }

  return {
    note(entry) {
      if (entry.act !== 'credential.refused') return audit.note(entry);
      const { address = '', reason = '', key = '' } = entry;
      const name = [networkOf(address), reason, key].join('\n');
      const known = kinds.get(name);
      if (known !== undefined) {
        known.count++;
      } else if (kinds.size < maxKinds) {
        kinds.set(name, { entry, count: 0, waitMs: firstWaitMs, dueMs: clock.now() + firstWaitMs });
        audit.note(entry);
      } else if (others.count++ === 0) {
        others.dueMs = clock.now() + others.waitMs;
      }
      timer ??= clock.setTimer(look, firstWaitMs);
    },
    close() {
      timer?.cancel();
      for (const kind of kinds.values()) tell(kind);
      tell(others);
      kinds.clear();
    },
  };
}
