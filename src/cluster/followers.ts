import type { Session } from '../session/session.ts';
import type { Presence, SharedStore } from '../store/contract.ts';

export interface FollowersOptions {
  store: SharedStore;
  /** The store knows now that sockets here follow the session. */
  began(session: Session): void;
  /** None does any more. */
  ended(session: Session): void;
  /** To be told to another node that follows: the sockets here are others now. */
  changed(session: Session, node: string): void;
  trouble(error: unknown): void;
  /** The object that stands for the same session now; it may have been let go of and read again. */
  current(session: Session): Session;
  /** Tries something again after a while. */
  later(action: () => void): void;
}

/** Which sessions the sockets of this node follow, as the store is told, and how many follow on other nodes. */
export class Followers {
  readonly #options: FollowersOptions;
  /** What the store was last told. */
  readonly #told = new WeakMap<Session, Presence>();
  /** Sessions of which it is being told; what changes meanwhile is told afterwards. */
  readonly #telling = new WeakSet<Session>();

  constructor(options: FollowersOptions) {
    this.#options = options;
  }

  has(session: Session): boolean {
    return this.#told.has(session);
  }

  /** Says that this node follows before its first socket does. Rejects with `StoreError`. */
  async announce(session: Session): Promise<void> {
    const presence = session.localPresence;
    await this.#options.store.setFollowing(session.key, presence);
    this.#told.set(session, presence);
  }

  /** Sockets here began or ceased to follow. */
  update(session: Session): void {
    const presence = session.localPresence;
    const told = this.#told.get(session);
    const follows = presence.writers + presence.viewers > 0;
    if (follows ? told !== undefined && isSame(told, presence) : told === undefined) return;
    if (follows) this.#told.set(session, presence);
    else this.#told.delete(session);
    if (!follows) this.#options.ended(session);
    this.#tell(session, follows !== (told !== undefined));
  }

  /** Reads which sockets follow on other nodes; answers those nodes. Rejects with `StoreError`. */
  async countElsewhere(session: Session): Promise<string[]> {
    const followers = await this.#options.store.followers(session.key);
    const sum = { writers: 0, viewers: 0 };
    for (const { writers, viewers } of followers.values()) {
      sum.writers += writers;
      sum.viewers += viewers;
    }
    session.setPresenceElsewhere(sum);
    return [...followers.keys()];
  }

  /** Until the store answers. */
  #tell(session: Session, isNew: boolean): void {
    if (this.#telling.has(session)) return;
    this.#telling.add(session);
    const { store, began, changed, trouble, later, current } = this.#options;
    const presence = this.#told.get(session);
    const told = async (): Promise<void> => {
      this.#telling.delete(session);
      if (this.#told.get(session) !== presence) return this.#tell(session, true);
      if (isNew) began(session);
      for (const node of await this.countElsewhere(session)) changed(session, node);
    };
    const again = (error: unknown): void => {
      trouble(error);
      later(() => {
        this.#telling.delete(session);
        if (!session.erased) this.#tell(current(session), true);
      });
    };
    store.setFollowing(session.key, presence).then(told, again).catch(trouble);
  }
}

function isSame(a: Presence, b: Presence): boolean {
  return a.writers === b.writers && a.viewers === b.viewers;
}
