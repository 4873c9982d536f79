import type { Settings } from '../../protocol/frames/common.ts';
import type { SessionKey, StoredSession } from './contract.ts';

/** As it is stored first. Written out: one that was put together by spreading takes more memory. */
export function newSession(
  { tenant, session }: SessionKey,
  settings: Settings,
  epoch: string,
  at: number,
): StoredSession {
  return { tenant, session, epoch, head: 0, settings, createdAt: at, turns: 0, queue: [] };
}
