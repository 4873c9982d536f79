import type { FinishedTurn } from '../../protocol/frames/history.ts';
import type { SessionKey, Store } from '../store/contract.ts';
import { finishedTurnOf } from './finished-turn.ts';

export interface HistoryPageRequest {
  key: SessionKey;
  pinned: readonly string[];
  /** Turns that ended before this position; absent: from the newest on. */
  before: number | undefined;
  limit: number;
  /** As JSON; a page ends behind the turn that exceeds it. */
  maxBytes: number;
}

/** A page of finished turns, newest first; `next` is the `before` of the next page. */
export async function readHistoryPage(
  store: Pick<Store, 'readTail'>,
  { key, pinned, before = Number.MAX_SAFE_INTEGER, limit, maxBytes }: HistoryPageRequest,
): Promise<{ turns: FinishedTurn[]; next: number | undefined }> {
  const entries = await store.readTail(key, Math.min(before, Number.MAX_SAFE_INTEGER), limit + 1);
  const turns = [];
  let bytes = 0;
  for (const entry of entries.slice(0, limit)) {
    const turn = finishedTurnOf(entry, pinned.includes(entry.turn));
    if (turn === undefined) continue;
    turns.push(turn);
    bytes += JSON.stringify(turn).length;
    if (bytes > maxBytes) break;
  }
  return { turns, next: turns.length < entries.length ? turns.at(-1)?.end : undefined };
}
