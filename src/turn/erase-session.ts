import type { Follower } from '../session/attachment.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { Session } from '../session/session.ts';
import type { Store } from '../store/contract.ts';
import type { TurnService } from './turn-service.ts';

export interface ErasureParts {
  turns: Pick<TurnService, 'abandon'>;
  store: Pick<Store, 'deleteSession'>;
  registry: Pick<SessionRegistry, 'remove'>;
}

/**
 * Erases a session with its log: stops its turns, here and on other nodes, and tells all who follow it. `refOf` answers the
 * request id for the socket that asked. Rejects with `StoreError`: the turns are stopped, and the rest is to be asked for again.
 */
export async function eraseSession(
  { turns, store, registry }: ErasureParts,
  session: Session,
  refOf: (follower: Follower, alias: number) => number | undefined = () => undefined,
): Promise<void> {
  turns.abandon(session);
  await store.deleteSession(session.key);
  registry.remove(session);
  for (const { follower, alias } of session.attachments) {
    follower.sendFrame({ t: 'deleted', ref: refOf(follower, alias), s: alias });
    follower.forget(alias);
  }
  session.detachAll();
}
