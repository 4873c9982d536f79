import type { DownFrame } from '../../protocol/down.ts';
import type { Settings } from '../../protocol/frames/common.ts';
import type { Presence, SessionKey, Store, StoredSession } from '../store/contract.ts';
import { StoreError } from '../store/store-error.ts';
import { Attachment, type AttachmentRole, type Follower } from './attachment.ts';
import type { GroupCommit } from './group-commit.ts';
import type { LogEvent, UnplacedEvent } from './log-event.ts';
import { endOf, sliceFrom } from './log-event.ts';
import { readStoredEvents } from './replay.ts';
import { SessionLog, splitsPair } from './session-log.ts';

/** What a session knows of a turn that has not ended. */
export interface LiveTurn {
  readonly id: string;
  /** Position of `turn.accepted`, once it has one. */
  readonly position: number | undefined;
  attachmentsChanged(attached: number): void;
}

export interface SessionDependencies {
  store: Store;
  commit: GroupCommit;
  onReplayError(session: Session, error: unknown): void;
  /** Old turns are removed from the store, perhaps by another node. */
  removesTurns?: boolean;
  /** Part of every epoch: changes when the store lost data. */
  generation?(): string;
  /** Sockets began or ceased to follow; other nodes' followers are not counted. */
  onFollowersChanged?(session: Session): void;
}

export interface AttachRequest {
  follower: Follower;
  alias: number;
  role: AttachmentRole;
  epoch: string | undefined;
  after: number | undefined;
}

/** Shared by all sessions that have nothing else: most are idle, and memory is counted per idle session. */
const nobody: Presence = { writers: 0, viewers: 0 };
const none: readonly never[] = [];
const noTurns: ReadonlyMap<string, LiveTurn> = new Map();
const noRemoteTurns: ReadonlySet<string> = new Set();
const settled = Promise.resolve();

/** A replay that the store did not serve goes on after this, milliseconds. */
const replayAgainMs = 500;

/** After so many replays for which the store had no event, the client has to attach again. */
const maxFailedReplays = 10;

/** Text of a replayed frame, in UTF-16 code units. */
const replayLength = 16_384;

/**
 * A session on the node that runs it: its log, the sockets that follow it, its unfinished turns. Events are appended,
 * made durable by the group commit, and only then sent, each attachment from its own cursor.
 */
export class Session {
  readonly key: SessionKey;
  /** The store's own part of the epoch: another one is another session of the same name. */
  readonly storedEpoch: string;
  readonly log: SessionLog;
  settings: Settings;
  finishedTurns: number;
  /** First position that is left, as far as this node knows: what was before was removed. */
  start: number;
  /** Turns that stay in every window. */
  pinned: readonly string[];
  /** Of what is known here of settings, pins, summary and what was heard. */
  version: number | undefined;
  /** Counts what ended elsewhere: what was derived from older turns is stale when it changed. */
  foreignChanges = 0;
  /** Set by the erasure: nothing of this session may be written again. */
  erased = false;
  /** Claims of one session go one after another, so that their accepts are placed in the order of the store. */
  claims: Promise<void> = settled;
  /** What is under way and needs this object to stay the one of its session: attaches, claims. */
  holds = 0;
  readonly #dependencies: SessionDependencies;
  #epoch: string;
  /** A new array with each change: whoever goes through it is not disturbed, and it holds no spare room. */
  #attachments: readonly Attachment[] = none;
  #turns: Map<string, LiveTurn> | undefined;
  #remoteTurns: Set<string> | undefined;
  #waiters: { position: number; resolve: () => void }[] | undefined;
  /** Sockets on other nodes. */
  #elsewhere = nobody;

  constructor(stored: StoredSession, dependencies: SessionDependencies) {
    this.key = { tenant: stored.tenant, session: stored.session };
    this.storedEpoch = stored.epoch;
    this.settings = stored.settings;
    this.finishedTurns = stored.turns;
    this.start = stored.start ?? 0;
    this.pinned = stored.pinned ?? none;
    this.version = stored.version;
    this.log = new SessionLog(stored.unfinishedFrom ?? stored.head);
    this.#dependencies = dependencies;
    this.#epoch = this.#epochNow();
  }

  /** What a client's cursor belongs to. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The generation changed: cursors of before are void. */
  renewEpoch(): void {
    this.#epoch = this.#epochNow();
  }

  get attachments(): readonly Attachment[] {
    return this.#attachments;
  }

  /** Running turn first, then those that wait, in order. */
  get turns(): ReadonlyMap<string, LiveTurn> {
    return this.#turns ?? noTurns;
  }

  /** Unfinished turns that run on another node. */
  get remoteTurns(): ReadonlySet<string> {
    return this.#remoteTurns ?? noRemoteTurns;
  }

  turnEntered(turn: LiveTurn): void {
    this.#turns ??= new Map();
    this.#turns.set(turn.id, turn);
  }

  turnLeft(turn: string): void {
    this.#turns?.delete(turn);
    if (this.#turns?.size === 0) this.#turns = undefined;
  }

  /** None of its turns goes on here. */
  forgetTurns(): void {
    this.#turns = undefined;
  }

  /** Nobody follows it, nothing runs, nothing is under way. */
  get idle(): boolean {
    return this.#attachments.length === 0 && this.turns.size === 0 && this.holds === 0;
  }

  /** Appends an event to the node log; it is shown when durable. */
  append(event: UnplacedEvent): LogEvent {
    const placed = this.log.append(event);
    this.#dependencies.commit.add(this, placed, this.log.head);
    return placed;
  }

  /** As `append`, for a part of an answer: joined to what waits to be written. `kind` is undefined for the visible text. */
  appendDelta(turn: string, kind: 'reasoning' | undefined, text: string, tokens: number): void {
    const { log } = this;
    const { commit } = this.#dependencies;
    if (log.extend(turn, kind, text, tokens)) return commit.extended(this, log.head);
    commit.add(this, log.appendDelta(turn, kind, text, tokens), log.head);
  }

  taken(): void {
    this.log.seal();
  }

  /** The group commit's word: everything before `position` is in the node log. */
  acknowledged(position: number): void {
    this.#show(this.log.acknowledge(position));
  }

  /** A held event is durable by its own store call. */
  confirm(event: LogEvent): void {
    this.#show(this.log.confirm(event));
  }

  /**
   * Events that another node runs and made durable. Answers false at a gap: what is missing must be asked for again.
   * Repeats are harmless.
   */
  adopt(events: readonly LogEvent[]): boolean {
    const shown: LogEvent[] = [];
    let complete = true;
    for (const event of events) {
      if (endOf(event) <= this.log.head) continue;
      if (event.pos > this.log.head) {
        complete = false;
        break;
      }
      const next = sliceFrom(event, this.log.head);
      this.log.adopt(next);
      if (next.t === 'turn.accepted') {
        this.#remoteTurns ??= new Set();
        this.#remoteTurns.add(next.turn);
      }
      if (next.t === 'turn.ended') {
        this.#remoteTurns?.delete(next.turn);
        this.finishedTurns++;
        this.foreignChanges++;
      }
      shown.push(next);
    }
    this.#show(shown);
    if (this.remoteTurns.size > 0) return complete;
    this.#remoteTurns = undefined;
    this.trim();
    return complete;
  }

  /** Takes over what was changed by way of other nodes, and tells it to every follower. */
  refresh(stored: StoredSession): void {
    // what is derived from finished turns is read anew
    if (stored.version !== this.version) this.foreignChanges++;
    this.version = stored.version;
    const { settings, pinned = [] } = stored;
    if (JSON.stringify(settings) !== JSON.stringify(this.settings)) {
      this.settings = settings;
      this.broadcast((s) => ({ t: 'updated', s, settings }));
    }
    this.start = Math.max(this.start, stored.start ?? 0);
    const before = this.pinned;
    this.pinned = pinned;
    const tell = (turn: string, isPinned: boolean): void =>
      this.broadcast((s) => ({ t: 'pinned', s, turn, pinned: isPinned }));
    for (const turn of before) if (!pinned.includes(turn)) tell(turn, false);
    for (const turn of pinned) if (!before.includes(turn)) tell(turn, true);
  }

  /** Turns before `start` were removed; `version`: of the session in the store after that. */
  removed(start: number, version: number | undefined): void {
    this.start = Math.max(this.start, start);
    // nothing else was changed: what is kept of the rest holds
    if (version !== undefined && (this.version ?? 0) === version - 1) this.version = version;
  }

  /** The store knows more than this node, and no turn runs: attachments get the rest from there. */
  catchUp(position: number): void {
    if (position <= this.log.head) return;
    this.#remoteTurns = undefined;
    this.foreignChanges++;
    this.log.jump(position);
    for (const attachment of this.#attachments) void this.pump(attachment);
  }

  /** Everything that turns which have not ended said so far, shown or not. */
  unfinishedEvents(): LogEvent[] {
    const events = [...this.turns.keys()].flatMap((turn) => this.log.eventsOf(turn));
    // an end counts when it is stored as one
    return events.filter((event) => event.t !== 'turn.ended');
  }

  /** Takes over the log of a node that is gone: its durable events from the oldest unfinished turn on. */
  restore(start: number, events: readonly LogEvent[], finishedTurns: number): void {
    this.#remoteTurns = undefined;
    this.foreignChanges++;
    this.finishedTurns = finishedTurns;
    this.log.jump(start);
    for (const event of events) this.log.adopt(event);
    for (const attachment of this.#attachments) void this.pump(attachment);
  }

  /** Resolves when everything before `position` is visible. */
  whenDurable(position: number): Promise<void> {
    if (this.log.durable >= position) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters ??= [];
      this.#waiters.push({ position, resolve });
    });
  }

  /** Adds a follower at its cursor; the caller answers `attached` and then calls `pump`. */
  async attach(request: AttachRequest): Promise<{ attachment: Attachment; outcome: 'resumed' | 'snapshot' }> {
    const { after, epoch } = request;
    const valid =
      after === undefined || ((epoch === undefined || epoch === this.epoch) && (await this.#isCursor(after)));
    const cursor = valid && after !== undefined ? after : await this.#findStart();
    const attachment = new Attachment(request.follower, request.alias, request.role, cursor);
    this.#attachments = this.#attachments.concat(attachment);
    this.#attachmentsChanged();
    return { attachment, outcome: valid ? 'resumed' : 'snapshot' };
  }

  /** Another node follows from `cursor`, for its own sockets. */
  attachNode(follower: Follower, cursor: number): Attachment {
    const attachment = new Attachment(follower, 0, 'node', cursor);
    this.#attachments = this.#attachments.concat(attachment);
    this.#attachmentsChanged();
    void this.pump(attachment);
    return attachment;
  }

  /** The session is gone: nothing of it reaches anybody any more. */
  detachAll(): void {
    for (const attachment of this.#attachments) attachment.detached = true;
    this.#attachments = none;
  }

  detach(attachment: Attachment): void {
    attachment.detached = true;
    if (!this.#attachments.includes(attachment)) return;
    this.#attachments = this.#attachments.filter((other) => other !== attachment);
    this.#attachmentsChanged();
  }

  /** Sends an ephemeral frame to every follower. */
  broadcast(make: (alias: number) => DownFrame): void {
    for (const attachment of this.#attachments) attachment.follower.sendFrame(make(attachment.alias));
  }

  /** Sends what the attachment has not seen, until it is live or its socket is full; goes on when called again. */
  async pump(attachment: Attachment): Promise<void> {
    if (attachment.pumping) return;
    attachment.pumping = true;
    try {
      while (!attachment.detached && !attachment.follower.congested && attachment.cursor < this.log.durable) {
        const fromMemory = attachment.cursor >= this.log.start;
        const events = fromMemory
          ? this.log.read(attachment.cursor, replayLength)
          : await readStoredEvents(this.#dependencies.store, this.key, attachment.cursor);
        if (events.length === 0 && attachment.cursor < this.log.start) {
          // removed while it was read: the client attaches again and is told so
          if ((await this.#findStart()) > attachment.cursor) return attachment.follower.overtaken();
          throw new Error(`no event at ${attachment.cursor}`);
        }
        for (const event of events) {
          if (attachment.detached || attachment.follower.congested) break;
          if (event.pos === attachment.cursor) attachment.send(event);
        }
        attachment.failedReplays = 0;
      }
    } catch (error) {
      this.#dependencies.onReplayError(this, error);
      attachment.failedReplays++;
      // nothing else would take it up again; where the store stays without an event, the client does
      if (error instanceof StoreError || attachment.failedReplays < maxFailedReplays)
        setTimeout(() => void this.pump(attachment), replayAgainMs).unref();
      else attachment.follower.overtaken();
      return;
    } finally {
      attachment.pumping = false;
    }
    if (attachment.detached) return;
    if (attachment.cursor !== this.log.durable) return attachment.markLagging();
    const first = !attachment.live;
    attachment.caughtUp();
    if (first) attachment.follower.sendFrame({ t: 'presence', s: attachment.alias, ...this.#presence() });
  }

  /** Events before the oldest unfinished turn are in the store; memory lets go of them. */
  trim(): void {
    let oldest = this.log.durable;
    for (const turn of this.turns.values()) oldest = Math.min(oldest, turn.position ?? oldest);
    this.log.trim(oldest);
  }

  #epochNow(): string {
    const generation = this.#dependencies.generation?.() ?? '';
    return generation === '' ? this.storedEpoch : `${this.storedEpoch}.${generation}`;
  }

  #show(events: readonly LogEvent[]): void {
    if (events.length === 0) return;
    for (const attachment of this.#attachments) this.#offer(attachment, events);
    if (this.#waiters !== undefined) this.#wake();
  }

  #offer(attachment: Attachment, events: readonly LogEvent[]): void {
    if (!attachment.live || attachment.pumping) return;
    for (const event of events) {
      if (attachment.follower.congested) {
        attachment.markLagging();
        return;
      }
      // one that fell behind is served by its pump, in order
      if (attachment.cursor !== event.pos) return;
      attachment.send(event);
    }
  }

  #wake(): void {
    const durable = this.log.durable;
    const ready = this.#waiters!.filter(({ position }) => position <= durable);
    const waiting = this.#waiters!.filter(({ position }) => position > durable);
    this.#waiters = waiting.length === 0 ? undefined : waiting;
    for (const { resolve } of ready) resolve();
  }

  /** Whether a client can have stopped at this position: not in the future, not inside a character. */
  async #isCursor(position: number): Promise<boolean> {
    if (position > this.log.durable || position < this.start) return false;
    if (position === this.log.durable) return true;
    if (position === this.start) return (await this.#findStart()) === position;
    const inMemory = position > this.log.start;
    const [event] = inMemory
      ? this.log.read(position - 1, 2)
      : await readStoredEvents(this.#dependencies.store, this.key, position - 1);
    return event !== undefined && !splitsPair(event, position);
  }

  /** The first position that is left; another node may have removed turns. */
  async #findStart(): Promise<number> {
    const { store, removesTurns } = this.#dependencies;
    if (removesTurns !== true || this.log.start <= this.start) return this.start;
    const stored = await store.readSession(this.key);
    this.start = Math.max(this.start, stored?.start ?? 0);
    return this.start;
  }

  #attachmentsChanged(): void {
    for (const turn of this.turns.values()) turn.attachmentsChanged(this.#attachments.length);
    this.#dependencies.onFollowersChanged?.(this);
    this.#tellPresence();
  }

  /** Sockets here that follow. */
  get localPresence(): Presence {
    const local = this.#attachments.filter((attachment) => attachment.role !== 'node');
    const writers = new Set(local.filter(({ role }) => role === 'writer').map(({ follower }) => follower));
    const viewers = new Set(local.filter(({ follower }) => !writers.has(follower)).map(({ follower }) => follower));
    return { writers: writers.size, viewers: viewers.size };
  }

  get hasFollowersElsewhere(): boolean {
    return this.#elsewhere.writers + this.#elsewhere.viewers > 0;
  }

  /** Sockets began or ceased to follow on other nodes. */
  setPresenceElsewhere(presence: Presence): void {
    const { writers, viewers } = this.#elsewhere;
    if (writers === presence.writers && viewers === presence.viewers) return;
    this.#elsewhere = presence;
    this.#tellPresence();
  }

  #presence(): Presence {
    const { writers, viewers } = this.localPresence;
    return { writers: writers + this.#elsewhere.writers, viewers: viewers + this.#elsewhere.viewers };
  }

  #tellPresence(): void {
    const presence = this.#presence();
    for (const attachment of this.#attachments) {
      if (attachment.live) attachment.follower.sendFrame({ t: 'presence', s: attachment.alias, ...presence });
    }
  }
}
