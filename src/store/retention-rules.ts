import type { RetentionPolicy, TurnEntry } from './contract.ts';

/** A finished turn as retention sees it, oldest first. */
export interface RetainedTurn {
  /** Position of its first event. */
  first: number;
  /** Position after its last. */
  end: number;
  bytes: number;
  /** When it was stored, by the store's clock, milliseconds. */
  at: number;
}

export interface RetentionState {
  /** Finished turns that are stored. */
  turns: number;
  bytes: number;
  now: number;
  /** No unfinished turn has an event before this; absent when none is unfinished. */
  unfinishedFrom: number | undefined;
}

/** Turns looked at in one step, at first; what is left over is done by the next. */
export const retentionStep = 64;

/**
 * How many of the oldest turns go. A cut is made only where no turn that stays has an event before it, so that what is
 * left is a whole log; retain.lua decides the same. Unless `isAll`, there are more turns than these: half of them are then
 * looked at only for where they begin. Undefined: more of them have to be looked at.
 */
export function decideCut(
  oldest: readonly RetainedTurn[],
  isAll: boolean,
  state: RetentionState,
  policy: RetentionPolicy,
): number | undefined {
  const most = isAll ? oldest.length : Math.floor(oldest.length / 2);
  const excessTurns = policy.maxTurns === undefined ? 0 : state.turns - policy.maxTurns;
  const excessBytes = policy.maxBytes === undefined ? 0 : state.bytes - policy.maxBytes;
  const oldestAt = policy.maxAgeMs === undefined ? Number.NEGATIVE_INFINITY : state.now - policy.maxAgeMs;
  let wanted = 0;
  let bytes = 0;
  for (const turn of oldest.slice(0, most)) {
    if (wanted >= excessTurns && bytes >= excessBytes && turn.at >= oldestAt) break;
    wanted++;
    bytes += turn.bytes;
  }
  for (let count = wanted; count > 0; count--) {
    const { end } = oldest[count - 1]!;
    const isClean = oldest.slice(count).every(({ first }) => first >= end);
    if (isClean && end <= (state.unfinishedFrom ?? end)) return count;
  }
  return wanted < most || isAll ? 0 : undefined;
}

/** Position of a stored turn's first event. */
export function firstOf(entry: TurnEntry): number {
  return entry.events[0]?.pos ?? 0;
}
