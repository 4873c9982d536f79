import type { SessionRegistry } from '../session/session-registry.ts';
import type { Session } from '../session/session.ts';
import type { OrphanedSession, SharedStore } from '../store/contract.ts';
import type { TurnEngine } from '../turn/turn-engine.ts';

export interface BeginAnewOptions {
  store: SharedStore;
  registry: SessionRegistry;
  engine: TurnEngine;
  /** Closes every socket: clients attach again, and are told that what they hold is void. */
  closeSockets(): void;
  /** Ends the turns of these sessions. */
  endOrphans(orphans: readonly OrphanedSession[]): Promise<number>;
  onEnded(orphans: readonly OrphanedSession[], turns: number): void;
}

/**
 * After a loss: sessions that run nothing here are read again from the store, with their new epoch. Running turns of which
 * the store still has the claims go on, and are written again; what else it takes for running here is ended.
 */
export class BeginAnew {
  readonly #options: BeginAnewOptions;
  /** Not dealt with yet. */
  readonly #sessions = new Set<Session>();

  constructor(options: BeginAnewOptions) {
    this.#options = options;
  }

  /** May be called again when it failed. */
  async run(): Promise<void> {
    const { registry, store, closeSockets, endOrphans, onEnded } = this.#options;
    for (const session of [...registry.all]) {
      session.renewEpoch();
      if (session.turns.size > 0 || session.holds > 0) this.#sessions.add(session);
      else this.#drop(session);
    }
    closeSockets();
    for (const session of this.#sessions) {
      await this.#mend(session);
      this.#sessions.delete(session);
    }
    const orphans = await store.reclaim((key) => {
      const session = registry.known(key);
      return session !== undefined && (session.turns.size > 0 || session.holds > 0);
    });
    if (orphans.length > 0) onEnded(orphans, await endOrphans(orphans));
  }

  async #mend(session: Session): Promise<void> {
    const { store } = this.#options;
    if (await this.#isWhole(session)) {
      const { tenant, session: id } = session.key;
      const events = session.unfinishedEvents();
      if (session.turns.size > 0) await store.rewrite({ tenant, session: id, events });
      return;
    }
    this.#drop(session);
  }

  /** Whether the store has every claim and every end that this node knows of. */
  async #isWhole(session: Session): Promise<boolean> {
    const { store } = this.#options;
    const stored = await store.readSession(session.key);
    if (stored === undefined || stored.epoch !== session.storedEpoch) return false;
    if (session.turns.size === 0) return stored.running !== undefined || stored.head >= session.log.durable;
    if (stored.turns < session.finishedTurns) return false;
    for (const turn of session.turns.keys()) {
      const known = await store.readTurn(session.key, turn);
      if (known === undefined || (known.state === 'unfinished' && known.record.node !== store.node)) return false;
    }
    return true;
  }

  #drop(session: Session): void {
    const { registry, engine } = this.#options;
    engine.abandon(session);
    registry.remove(session);
    session.detachAll();
  }
}
