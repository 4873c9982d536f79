import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Settings } from '../../protocol/frames/common.ts';
import type { SessionKey, Store, StoredSession } from '../store/contract.ts';
import { mergeSettings } from './merge-settings.ts';
import { Session, type SessionDependencies } from './session.ts';

export interface OpenRequest {
  tenant: string;
  /** Absent: a new session with an id of the server. */
  session: string | undefined;
  create: { settings?: Settings | undefined } | undefined;
}

export interface SessionRegistryOptions extends SessionDependencies {
  store: Store;
  /** Nobody here uses the session any more. */
  onReleased?(session: Session): void;
  newSessionId(): string;
  newEpoch(): string;
  wall(): number;
}

/** The sessions that this node has in memory: those that are followed or run a turn. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #sessions = new Map<string, Session>();
  /** Loads under way, so that two attaches of one session share its object. */
  readonly #loading = new Map<string, Promise<Session | undefined>>();

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /**
   * The session, held until `drop`, so that it stays the one object of its session meanwhile. Throws `session_not_found`
   * for a session that does not exist and is not to be created.
   */
  async open(request: OpenRequest): Promise<{ session: Session; created: boolean }> {
    const { session, created } = await this.#open(request);
    // let go of between its load and now
    const current = this.#sessions.get(nameOf(session.key)) ?? session;
    this.#sessions.set(nameOf(current.key), current);
    current.holds++;
    return { session: current, created };
  }

  /** Ends the hold of `open`. */
  drop(session: Session): void {
    session.holds--;
    this.release(session);
  }

  async #open(request: OpenRequest): Promise<{ session: Session; created: boolean }> {
    if (request.session === undefined) return this.#create(request, this.#options.newSessionId());
    const session = await this.find({ tenant: request.tenant, session: request.session });
    if (session !== undefined) return { session, created: false };
    if (request.create === undefined) {
      throw sessionNotFound();
    }
    return this.#create(request, request.session);
  }

  /** The session if it is in memory. */
  known(key: SessionKey): Session | undefined {
    return this.#sessions.get(nameOf(key));
  }

  async find(key: SessionKey): Promise<Session | undefined> {
    const name = nameOf(key);
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    let loading = this.#loading.get(name);
    if (loading === undefined) {
      loading = this.#load(key).finally(() => this.#loading.delete(name));
      this.#loading.set(name, loading);
    }
    return loading;
  }

  /** Lets go of a session that nobody follows and that runs nothing. */
  release(session: Session): void {
    const name = nameOf(session.key);
    if (!session.idle || this.#sessions.get(name) !== session) return;
    this.#sessions.delete(name);
    this.#options.onReleased?.(session);
  }

  /** Takes an erased session out, whoever follows it. */
  remove(session: Session): void {
    this.#sessions.delete(nameOf(session.key));
  }

  async #load(key: SessionKey): Promise<Session | undefined> {
    const stored = await this.#options.store.readSession(key);
    return stored === undefined ? undefined : this.#adopt(stored);
  }

  async #create(request: OpenRequest, id: string): Promise<{ session: Session; created: boolean }> {
    const key = { tenant: request.tenant, session: id };
    const settings = mergeSettings({}, request.create?.settings ?? {});
    const { created, session } = await this.#options.store.createSession(
      key,
      settings,
      this.#options.newEpoch(),
      this.#options.wall(),
    );
    return { session: this.#adopt(session), created };
  }

  #adopt(stored: StoredSession): Session {
    const name = nameOf(stored);
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const session = new Session(stored, this.#options);
    this.#sessions.set(name, session);
    return session;
  }
}

/** The same for a session that does not exist and for one that is not the asker's. */
export function sessionNotFound(): ProtocolError {
  return new ProtocolError('session_not_found', 'There is no such session; send “create” to make one.');
}

function nameOf(key: SessionKey): string {
  return `${key.tenant}\0${key.session}`;
}
