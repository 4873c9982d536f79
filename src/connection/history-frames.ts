import type { HistoryRequest } from '../../protocol/frames/history.ts';
import type { Follower } from '../session/attachment.ts';
import { finishedTurnOf } from '../session/finished-turn.ts';
import type { Session } from '../session/session.ts';
import type { ConnectionEnvironment } from './contract.ts';

const usualTurns = 20;

/** Answers a page of finished turns, the newest first. */
export async function showHistory(
  { store, limits }: ConnectionEnvironment,
  session: Session,
  asker: Follower,
  frame: HistoryRequest,
): Promise<void> {
  const limit = frame.limit ?? usualTurns;
  const before = Math.min(frame.before ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const entries = await store.readTail(session.key, before, limit + 1);
  const turns = [];
  let bytes = 0;
  for (const entry of entries.slice(0, limit)) {
    const turn = finishedTurnOf(entry, session.pinned.includes(entry.turn));
    if (turn === undefined) continue;
    turns.push(turn);
    bytes += JSON.stringify(turn).length;
    if (bytes > limits.maxHistoryBytes) break;
  }
  const next = turns.length < entries.length ? turns.at(-1)?.end : undefined;
  asker.sendFrame({ t: 'history', ref: frame.ref, s: frame.s, turns, next });
}
