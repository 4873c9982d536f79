import type { DownFrame } from '../../protocol/down.ts';
import type { TurnFrame, TurnState } from '../../protocol/frames/turn.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Attachment } from '../session/attachment.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { Session } from '../session/session.ts';
import type { SessionKey, SharedStore, TurnRecord } from '../store/contract.ts';
import { StoreError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/contract.ts';
import type { TurnEngine } from '../turn/turn-engine.ts';
import type { TurnService } from '../turn/turn-service.ts';
import { Followers } from './followers.ts';
import type { LossWatch } from './loss-watch.ts';
import type { NodeMessage, NodeRequest } from './messages.ts';
import { NodeRequests } from './node-requests.ts';
import { RemoteFollower } from './remote-follower.ts';

export interface ClusterOptions {
  store: SharedStore;
  registry: SessionRegistry;
  engine: TurnEngine;
  clock: Clock;
  logger: Logger;
  watch: LossWatch;
}

const requestMs = 5_000;
/** What could not be done is tried again after this. */
const againMs = 500;
/** How soon a session is looked at again that a client knows more of. */
const firstLookMs = 50;
/** A followed turn of which nothing came for this long is looked up in the store. */
const silenceMs = 3_000;
/** Sessions looked up in one go. */
const maxLooks = 200;
/** How long an attach waits for events that a client says it has seen: longer than a takeover takes. */
const attachMs = 10_000;

/**
 * Sessions over several nodes. A running turn belongs to one node; others follow its log by messages, see a lost one by
 * its position and ask again, and hand turns, cancels and tool results over. An idle session belongs to nobody.
 */
export class Cluster implements TurnService {
  readonly #options: ClusterOptions;
  readonly #requests: NodeRequests;
  /** Per session run here, the nodes that follow it. */
  readonly #remotes = new WeakMap<Session, Map<string, Attachment>>();
  readonly #followers: Followers;
  /** Followed sessions that are to be looked at again: the store did not answer, or nothing was heard of their turn. */
  readonly #unsure = new Set<Session>();
  /** Sessions whose turn runs elsewhere, as far as the store said: it was asked to be followed, and may not have heard. */
  readonly #elsewhere = new WeakSet<Session>();
  /** When something of a session was last heard from the node that runs its turn. */
  readonly #heardMs = new WeakMap<Session, number>();
  #onNodeLeft = (): void => {};
  #sweep: Timer | undefined;
  #stopped = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#requests = new NodeRequests(options.clock, requestMs);
    this.#followers = new Followers({
      store: options.store,
      began: (session) => this.#look(session),
      ended: (session) => this.#unfollow(session),
      changed: (session, node) => this.#tell(node, { kind: 'presence', ...pick(session.key) }),
      trouble: (error) => this.#trouble(error),
      later: (action) => this.#later(action),
      current: (session) => options.registry.known(pick(session.key)) ?? session,
    });
  }

  /** Begins to listen to other nodes. `onNodeLeft`: one stopped, and may have left turns to others. */
  start(onNodeLeft: () => void): Promise<void> {
    this.#onNodeLeft = onNodeLeft;
    this.#scheduleSweep();
    return this.#options.store.listen(
      (text) => void this.#receive(JSON.parse(text) as NodeMessage).catch((error: unknown) => this.#trouble(error)),
      () => {
        for (const session of this.#options.registry.all) this.#look(session);
      },
    );
  }

  /** Sockets here began or ceased to follow a session. */
  followersChanged(session: Session): void {
    this.#followers.update(session);
  }

  /** A node is gone with its sockets. */
  async nodeBuried(): Promise<void> {
    this.#recount();
    for (const node of await this.#options.store.otherNodes()) this.#tell(node, { kind: 'buried' });
  }

  stop(): void {
    this.#stopped = true;
    this.#sweep?.cancel();
  }

  /** Others need not wait until this node's lease is missed. */
  async tellLeft(): Promise<void> {
    for (const node of await this.#options.store.otherNodes()) this.#tell(node, { kind: 'left' });
  }

  #recount(): void {
    for (const session of this.#options.registry.all) {
      if (session.hasFollowersElsewhere)
        this.#followers.countElsewhere(session).catch((error: unknown) => this.#trouble(error));
    }
  }

  /** A turn runs here that may be followed elsewhere. */
  turnRuns(session: Session, from: number = session.log.head): void {
    this.#options.store
      .followers(session.key)
      .then((nodes) => {
        for (const node of nodes.keys()) {
          if (session.turns.size > 0) this.#addRemote(session, node, from - 1);
          else this.#tell(node, { kind: 'changed', ...pick(session.key) });
        }
      })
      .catch((error: unknown) => {
        this.#trouble(error);
        // nobody else would tell them
        this.#later(() => this.turnRuns(session, from));
      });
  }

  /** Turns of a session were ended in the store, by this node for a dead one. */
  storeChanged(key: SessionKey): void {
    const session = this.#options.registry.known(pick(key));
    if (session !== undefined) this.#look(session);
    this.tellChanged(key).catch((error: unknown) => this.#trouble(error));
  }

  /** Nodes that follow a session look into the store again. */
  async tellChanged(key: SessionKey): Promise<void> {
    for (const node of (await this.#options.store.followers(key)).keys())
      this.#tell(node, { kind: 'changed', ...pick(key) });
  }

  /** As `tellChanged`, and the node that runs its turns, which need not follow it. */
  async #tellAll(key: SessionKey, kind: 'changed' | 'deleted' = 'changed'): Promise<void> {
    const { store } = this.#options;
    const [followers, stored] = await Promise.all([store.followers(key), store.readSession(key)]);
    const nodes = new Set(followers.keys());
    if (stored?.owner !== undefined) nodes.add(stored.owner);
    nodes.delete(store.node);
    for (const node of nodes) this.#tell(node, { kind, ...pick(key) });
  }

  async submit(session: Session, frame: TurnFrame, who: TurnRecord['who']): ReturnType<TurnService['submit']> {
    const submitted = await this.#options.engine.submit(session, frame, who).catch((error: unknown) => {
      // the message that says so may have been lost
      if (error instanceof ProtocolError && error.code === 'session_not_found') this.#look(session);
      throw error;
    });
    if (submitted.outcome !== 'elsewhere') return submitted;
    return this.#ask(session, submitted.owner, { method: 'submit', frame, who }) as ReturnType<TurnService['submit']>;
  }

  async cancel(
    session: Session,
    turn: string,
    reason: string | undefined,
    heard: number | undefined,
  ): ReturnType<TurnService['cancel']> {
    const owner = await this.#ownerElsewhere(session, turn);
    if (owner === undefined) {
      const cancelled = await this.#options.engine.cancel(session, turn, reason, heard);
      // what was heard changes the windows of other nodes too
      if (heard !== undefined && cancelled.upstream === 'ended') this.settingsChanged(session);
      return cancelled;
    }
    return this.#ask(session, owner, { method: 'cancel', turn, reason, heard }) as ReturnType<TurnService['cancel']>;
  }

  async toolResult(
    session: Session,
    turn: string,
    call: string,
    output: unknown,
    error: string | undefined,
  ): Promise<'taken' | 'ignored'> {
    const owner = await this.#ownerElsewhere(session, turn);
    if (owner === undefined) return this.#options.engine.toolResult(session, turn, call, output, error);
    return this.#ask(session, owner, { method: 'toolResult', turn, call, output, error }) as Promise<
      'taken' | 'ignored'
    >;
  }

  stateOf(session: Session, turn: string): TurnState['state'] {
    return this.#options.engine.stateOf(session, turn);
  }

  /** Asks the node that runs the turn when its events are not here yet. */
  async beginningOf(session: Session, turn: string): Promise<LogEvent[] | undefined> {
    const known = this.#options.engine.beginningOf(session, turn);
    if (session.turns.has(turn) || known?.some((event) => event.t === 'turn.routed')) return known;
    const owner = await this.#ownerElsewhere(session, turn);
    if (owner === undefined) return this.#options.engine.beginningOf(session, turn);
    return (await this.#ask(session, owner, { method: 'beginningOf', turn })) as LogEvent[] | undefined;
  }

  abandon(session: Session): void {
    this.#options.engine.abandon(session);
    void this.#tellAll(session.key, 'deleted').catch((error: unknown) => this.#trouble(error));
  }

  settled(): Promise<void> {
    return this.#options.watch.settled();
  }

  /** Everything that was agreed with other nodes about sessions is void. */
  forgetFollowers(): void {
    for (const session of this.#options.registry.all)
      for (const node of [...(this.#remotes.get(session)?.keys() ?? [])]) this.#removeRemote(session, node);
    this.#unsure.clear();
  }

  /** The turn may run elsewhere, or its node may just have died: its events come, or its end does. */
  async beforeAttach(session: Session, cursor: number): Promise<void> {
    const { store, clock } = this.#options;
    await this.#followers.announce(session);
    const deadlineMs = clock.now() + attachMs;
    const isBehind = (): boolean =>
      session.log.durable < cursor && session.turns.size === 0 && clock.now() < deadlineMs;
    for (let waitMs = firstLookMs; isBehind(); waitMs = Math.min(2 * waitMs, againMs)) {
      const stored = await store.readSession(session.key);
      await this.#sync(session);
      if (stored?.running === undefined) return;
      // a node that took over tells it: the store need not hear from each of its clients all the time
      const lookMs = clock.now() + waitMs;
      while (isBehind() && clock.now() < lookMs)
        await new Promise((resolve) => clock.setTimer(() => resolve(undefined), 20));
    }
    if (session.log.durable < cursor && session.turns.size === 0) await this.#checkTakenOver(session);
  }

  /** What a client has seen of a turn whose node is gone is known again when that is taken over: it should keep it. */
  async #checkTakenOver(session: Session): Promise<void> {
    const { store } = this.#options;
    const owner = (await store.readSession(session.key))?.owner;
    if (owner === undefined || owner === store.node || (await store.isAlive(owner))) return;
    throw new ProtocolError(
      'store_unavailable',
      'The node that ran the turn is gone and was not taken over yet; attach again with your cursor.',
      { retryAfterMs: 1_000 },
    );
  }

  settingsChanged(session: Session): void {
    this.#tellAll(session.key).catch((error: unknown) => this.#trouble(error));
  }

  #unfollow(session: Session): void {
    const { store } = this.#options;
    store.readSession(session.key).then(
      (stored) => {
        const isElsewhere = stored?.owner !== undefined && stored.owner !== store.node;
        if (isElsewhere && !this.#followers.has(session))
          this.#tell(stored.owner!, { kind: 'unfollow', ...pick(session.key) });
      },
      (error: unknown) => this.#trouble(error),
    );
  }

  async #ownerElsewhere(session: Session, turn: string): Promise<string | undefined> {
    await session.claims;
    if (session.turns.has(turn)) return undefined;
    const { store } = this.#options;
    const stored = await store.readTurn(session.key, turn);
    if (stored?.state !== 'unfinished') return undefined;
    const owner = (await store.readSession(session.key))?.owner;
    return owner === store.node ? undefined : owner;
  }

  async #ask(session: Session, owner: string, request: NodeRequest): Promise<unknown> {
    if (!(await this.#options.store.isAlive(owner))) {
      throw new ProtocolError(
        'store_unavailable',
        'The node that ran the turn is gone and is being taken over; try again.',
        { retryAfterMs: 1_000 },
      );
    }
    return this.#requests.ask((id) => this.#tell(owner, { kind: 'request', id, request, ...pick(session.key) }));
  }

  #look(session: Session): void {
    this.#unsure.delete(session);
    this.#heardMs.set(session, this.#options.clock.now());
    this.#sync(session).catch((error: unknown) => {
      this.#trouble(error);
      this.#unsure.add(session);
    });
  }

  #later(action: () => void): void {
    if (!this.#stopped) this.#options.clock.setTimer(action, againMs);
  }

  /** A message may be lost and be the last one for long: followed turns of which nothing is heard are looked up. */
  #scheduleSweep(): void {
    const { clock, registry } = this.#options;
    this.#sweep = clock.setTimer(() => {
      this.#scheduleSweep();
      const silentMs = clock.now() - silenceMs;
      for (const session of registry.all) {
        const isRemote = session.remoteTurns.size > 0 || this.#elsewhere.has(session);
        const isSilent = isRemote && (this.#heardMs.get(session) ?? 0) < silentMs;
        if (isSilent) this.#unsure.add(session);
      }
      for (const session of [...this.#unsure].slice(0, maxLooks)) this.#look(session);
    }, againMs);
  }

  /** Brings a followed session up to what the store knows: follow the node that runs it, or read what ended. */
  async #sync(session: Session): Promise<void> {
    if (!this.#followers.has(session) && session.turns.size === 0) return;
    const { store, watch } = this.#options;
    const known = session.log.durable;
    const stored = await store.readSession(session.key);
    if (stored === undefined || session.erased) return;
    // erased and made anew, and nobody heard of it
    if (session.turns.size === 0 && stored.epoch !== session.storedEpoch) return this.#erase(session);
    session.refresh(stored);
    if (session.turns.size > 0 || !this.#followers.has(session)) return;
    this.#elsewhere.delete(session);
    if (stored.owner !== undefined && stored.owner !== store.node) {
      this.#elsewhere.add(session);
      // what ended meanwhile is in the store, as far as it was not removed
      if ((stored.unfinishedFrom ?? 0) > session.log.head) {
        session.finishedTurns = stored.turns;
        session.catchUp(stored.unfinishedFrom!);
      }
      this.#tell(stored.owner, { kind: 'follow', cursor: session.log.head, ...pick(session.key) });
      if (!(await store.isAlive(stored.owner))) await store.suspect(stored.owner, session.key);
    } else if (stored.running !== undefined) {
      void this.#options.engine.takeUpLost(session);
    } else if (stored.head < known) {
      // what was shown here is not there any more
      watch.lost();
    } else {
      session.finishedTurns = stored.turns;
      session.catchUp(stored.head);
    }
  }

  async #receive(message: NodeMessage): Promise<void> {
    if (message.kind === 'response') return this.#requests.answered(message.id, message.result);
    if (message.kind === 'failure') return this.#requests.failed(message.id, message.code, message.message);
    if (message.kind === 'request') return this.#serve(message);
    if (message.kind === 'left') return this.#onNodeLeft();
    if (message.kind === 'buried') return this.#recount();
    const { registry, engine } = this.#options;
    // what this node knows of sessions may just be read anew
    if (message.kind === 'follow') await this.#options.watch.settled();
    const session = message.kind === 'follow' ? await registry.find(pick(message)) : registry.known(pick(message));
    if (session === undefined) return;
    switch (message.kind) {
      case 'follow':
        if (session.turns.size === 0) await engine.takeUpLost(session);
        if (session.turns.size > 0) this.#addRemote(session, message.from, message.cursor);
        else this.#tell(message.from, { kind: 'changed', ...pick(message) });
        break;
      case 'unfollow':
        this.#removeRemote(session, message.from);
        break;
      case 'events':
        if (message.epoch !== session.epoch) {
          this.#unsure.add(session);
          this.#options.watch.look();
          break;
        }
        this.#heardMs.set(session, this.#options.clock.now());
        if (session.turns.size === 0 && !session.adopt(message.events)) this.#look(session);
        break;
      case 'frame':
        session.broadcast((s) => ({ ...message.frame, s }) as DownFrame);
        break;
      case 'presence':
        await this.#followers.countElsewhere(session);
        break;
      case 'changed':
        await this.#sync(session);
        break;
      case 'deleted':
        this.#erase(session);
        break;
    }
    registry.release(session);
  }

  /** Another node's client asks; the answer is the one its own would get here. */
  async #serve(message: Extract<NodeMessage, { kind: 'request' }>): Promise<void> {
    const { engine, registry } = this.#options;
    const { id, from, request } = message;
    let session: Session | undefined;
    try {
      // one whose turn just ended is in nobody's memory any more
      session = await registry.find(pick(message));
      if (session === undefined) throw new ProtocolError('session_not_found', 'The session does not exist any more.');
      let result: unknown;
      if (request.method === 'submit') result = await engine.submit(session, request.frame, request.who);
      else if (request.method === 'cancel')
        result = await engine.cancel(session, request.turn, request.reason, request.heard);
      else if (request.method === 'beginningOf') result = engine.beginningOf(session, request.turn);
      else result = await engine.toolResult(session, request.turn, request.call, request.output, request.error);
      this.#tell(from, { kind: 'response', id, result });
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#trouble(error);
      const { code, message: sentence } = faultOf(error);
      this.#tell(from, { kind: 'failure', id, code, message: sentence });
    }
    if (session !== undefined) registry.release(session);
  }

  #addRemote(session: Session, node: string, cursor: number): void {
    this.#removeRemote(session, node);
    const key = pick(session.key);
    const follower = new RemoteFollower(
      (events: LogEvent[]) => this.#tell(node, { kind: 'events', epoch: session.epoch, events, ...key }),
      (frame: DownFrame) => this.#tell(node, { kind: 'frame', frame, ...key }),
    );
    let remotes = this.#remotes.get(session);
    if (remotes === undefined) this.#remotes.set(session, (remotes = new Map()));
    remotes.set(node, session.attachNode(follower, Math.min(cursor, session.log.durable)));
  }

  #removeRemote(session: Session, node: string): void {
    const attachment = this.#remotes.get(session)?.get(node);
    if (attachment === undefined) return;
    this.#remotes.get(session)?.delete(node);
    session.detach(attachment);
  }

  /** A session that runs nothing here any more is followed from here by nobody. */
  turnsEnded(session: Session): void {
    for (const node of [...(this.#remotes.get(session)?.keys() ?? [])]) {
      this.#removeRemote(session, node);
      // one that missed the end finds it in the store
      queueMicrotask(() => this.#tell(node, { kind: 'changed', ...pick(session.key) }));
    }
  }

  #erase(session: Session): void {
    this.#options.engine.abandon(session);
    this.#options.registry.remove(session);
    this.#options.store.forget(session.key);
    for (const { follower, alias } of session.attachments) {
      follower.sendFrame({ t: 'deleted', s: alias });
      follower.forget(alias);
    }
  }

  #tell(
    node: string,
    message: NodeMessage extends infer Message
      ? Message extends { from: string }
        ? Omit<Message, 'from'>
        : never
      : never,
  ): void {
    this.#options.store.tell(node, JSON.stringify({ from: this.#options.store.node, ...message }));
  }

  #trouble(error: unknown): void {
    this.#options.logger.warn({ error }, 'nodes could not agree for a moment');
  }
}

function faultOf(error: unknown): { code: string; message: string } {
  if (error instanceof ProtocolError) return error;
  if (error instanceof StoreError)
    return { code: 'store_unavailable', message: 'The store cannot be reached now; try again.' };
  return { code: 'internal', message: 'The gateway failed.' };
}

function pick(key: SessionKey): SessionKey {
  return { tenant: key.tenant, session: key.session };
}
