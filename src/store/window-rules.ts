import type { PinResult, StoredSession, StoredSummary } from './contract.ts';

/** Pins or unpins a known turn and changes `session` accordingly; the commands of other stores must decide alike. */
export function decidePin(session: StoredSession, turn: string, isPinned: boolean, max: number): PinResult {
  const others = (session.pinned ?? []).filter((pinned) => pinned !== turn);
  if (!isPinned) {
    session.pinned = others;
  } else if (session.pinned?.includes(turn) !== true) {
    if (others.length >= max) return { outcome: 'full' };
    session.pinned = [...others, turn];
  }
  return { outcome: 'set', pinned: session.pinned ?? [] };
}

/** Whether a summary may take the place of the stored one, or has taken it already. */
export function mayReplaceSummary(
  stored: StoredSummary | undefined,
  replaces: number,
  summary: StoredSummary,
): boolean {
  if (stored?.end === summary.end && stored.text === summary.text) return true;
  return (stored?.end ?? 0) === replaces && summary.end > replaces;
}
