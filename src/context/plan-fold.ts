import type { WindowTurn } from './window-turn.ts';

export interface FoldRequest {
  /** Finished turns, newest last. */
  turns: readonly WindowTurn[];
  /** Position up to which the summary speaks; 0 without one. */
  summarisedTo: number;
  /** Tokens that turns may take beside system text, summary and pinned turns. */
  roomTokens: number;
  /** Share of the room from which on older turns are folded in. */
  after: number;
}

/**
 * Position up to which turns are to be folded into the summary now; undefined when there is room yet. Half of what the
 * share allows stays as it was said, the newest turn in any case: so the next fold is many turns away.
 */
export function planFold({ turns, summarisedTo, roomTokens, after }: FoldRequest): number | undefined {
  const fresh = turns.filter((turn) => turn.end > summarisedTo);
  const tokens = fresh.reduce((sum, turn) => sum + turn.tokens, 0);
  const limit = roomTokens * after;
  if (tokens <= limit) return undefined;
  let kept = 0;
  let first = fresh.length;
  while (first > 0 && (first === fresh.length || kept + fresh[first - 1]!.tokens <= limit / 2)) {
    first--;
    kept += fresh[first]!.tokens;
  }
  return first === 0 ? undefined : fresh[first - 1]!.end;
}
