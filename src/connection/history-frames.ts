import type { HistoryRequest } from '../../protocol/frames/history.ts';
import type { Follower } from '../session/attachment.ts';
import { readHistoryPage } from '../session/history-page.ts';
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
  const { turns, next } = await readHistoryPage(store, {
    key: session.key,
    pinned: session.pinned,
    before: frame.before,
    limit: frame.limit ?? usualTurns,
    maxBytes: limits.maxHistoryBytes,
  });
  asker.sendFrame({ t: 'history', ref: frame.ref, s: frame.s, turns, next });
}
