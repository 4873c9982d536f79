import type { OnBusy, Settings, TurnStatus } from '../../protocol/frames/common.ts';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import type { LimitRules } from '../limits/rules.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { RecordStore } from './record-contract.ts';

/** A session belongs to one tenant; every key of a store starts with it. */
export interface SessionKey {
  tenant: string;
  session: string;
}

export interface StoredSession extends SessionKey {
  epoch: string;
  /** Position after the last event of a claim or an end; a running turn's later events are in the node log. */
  head: number;
  /** First position that is left; what was before was removed. */
  start?: number | undefined;
  settings: Settings;
  createdAt: number;
  /** Turns that have ended. */
  turns: number;
  running?: string | undefined;
  /** Node that runs it, in a store that nodes share. */
  owner?: string | undefined;
  /** No unfinished turn has an event before this position: what is before it is in the entries. */
  unfinishedFrom?: number | undefined;
  /** Turns that wait, in order. */
  queue: string[];
  /** Turns that stay in every window, in the order in which they were pinned. */
  pinned?: string[] | undefined;
  /**
   * Changes with the settings, the pins, the summary and what was heard of finished turns, in a store that nodes share:
   * what a node knows of these is valid as long as its version is this. Absent: never changed.
   */
  version?: number | undefined;
}

export type PinResult =
  /** `pinned`: all that are pinned now. */
  { outcome: 'set'; pinned: string[] } | { outcome: 'full' } | { outcome: 'turn_not_found' };

/** What stands for the older turns of a session in its windows. */
export interface StoredSummary {
  /** Position up to which it speaks. */
  end: number;
  /** Turns it stands for. */
  turns: number;
  text: string;
}

/** Whoever asked for a turn, with everything that the node which runs it must know; see `Identity`. */
export interface TurnAsker {
  subject: string;
  team?: string | undefined;
  tier?: string | undefined;
  /** Id of the credential. */
  key?: string | undefined;
  address?: string | undefined;
  models?: readonly string[] | undefined;
  routes?: readonly string[] | undefined;
  limits?: LimitRules | undefined;
}

/** What a turn needs to be started, joined or ended by any node. */
export interface TurnRecord {
  turn: string;
  fingerprint: string;
  frame: Omit<TurnFrame, 't' | 's' | 'ref'>;
  who: TurnAsker;
  /** Milliseconds since 1970, for display alone: clocks differ and jump. */
  acceptedAt: number;
  /** Of a session's unfinished turns, the one claimed earlier has the smaller one. */
  order?: number | undefined;
  /** Node that runs it. */
  node: string;
  /** Position of `turn.accepted` where the claim placed it; a queued turn has its own in the node log. */
  pos?: number | undefined;
  /** A cancel came before the claim. */
  tombstoned?: boolean | undefined;
}

export type StoredTurn =
  | { state: 'unfinished'; record: TurnRecord }
  | { state: 'finished'; fingerprint: string; status: TurnStatus; end: number };

/** A finished turn as the log keeps it: all its events, runs of deltas merged, in log order. */
export interface TurnEntry {
  turn: string;
  fingerprint: string;
  events: LogEvent[];
  /** Tokens of the input as later windows hold it. */
  inputTokens: number;
  /** Tokens of the answer as later windows hold it: up to what was heard, tool calls and results included. */
  outputTokens: number;
  /** Position up to which the user heard or read the answer, if that is less than all of it. */
  heard?: number | undefined;
}

export interface ClaimRequest extends SessionKey {
  record: TurnRecord;
  onBusy: OnBusy;
  /** Refuse with `stale_base` unless the head is this. */
  base?: number | undefined;
  /** Head as the node that runs the session's turn knows it; the stored head otherwise. */
  liveHead?: number | undefined;
  maxQueuedTurns: number;
}

export type ClaimResult =
  /**
   * The turn runs now; `turn.accepted` is durable at `pos`. `tombstoned`: a cancel came before the turn. `version`: as the
   * session has it.
   */
  | { outcome: 'running'; pos: number; tombstoned: boolean; version?: number | undefined }
  /** The turn waits behind `ahead` others; its `turn.accepted` is appended by the caller. */
  | { outcome: 'queued'; ahead: number; tombstoned: boolean }
  /** As queued, first in line; `superseded` (the running one and all that waited) are to be ended by the caller. */
  | { outcome: 'replacing'; superseded: string[]; tombstoned: boolean }
  | { outcome: 'duplicate'; existing: StoredTurn }
  | { outcome: 'conflict' }
  | { outcome: 'busy' }
  /** Another node runs the session's turn and appends to its log: it must make this claim. */
  | { outcome: 'elsewhere'; owner: string }
  | { outcome: 'queue_full' }
  | { outcome: 'stale_base'; head: number }
  | { outcome: 'session_not_found' };

export interface EndRequest extends SessionKey {
  entry: TurnEntry;
  status: TurnStatus;
  /** Position after `turn.ended`. */
  head: number;
  /** No other turn that has not ended has an event before this. */
  unfinishedFrom?: number | undefined;
}

/** How much of a session is kept; what is absent does not limit. Times by the store's clock. */
export interface RetentionPolicy {
  maxAgeMs?: number | undefined;
  /** Finished turns. */
  maxTurns?: number | undefined;
  /** Finished turns as JSON. */
  maxBytes?: number | undefined;
}

/** A session as those see it that look for unused ones. */
export interface SessionUse {
  session: string;
  /** Since it was last used. */
  idleMs: number;
  bytes: number;
  /** It was erased; only the list still has it. */
  isGone: boolean;
}

export type EndResult =
  /** `next` is the waiting turn that now runs. */
  | { outcome: 'ended'; next?: string | undefined }
  | { outcome: 'already_ended'; status: TurnStatus }
  | { outcome: 'unknown' }
  /** Another node took the session over; this one must be silent. */
  | { outcome: 'fenced' };

/** Events of one session in one append of the node log. */
export interface LogBatch extends SessionKey {
  events: LogEvent[];
}

/** A session whose node died while turns were unfinished, with what the node log still knows of them. */
export interface OrphanedSession {
  session: StoredSession;
  /** The running one first, then the queue. */
  unfinished: TurnRecord[];
  /** Every durable event of the unfinished turns, in log order without gaps; nobody saw anything beyond. */
  events: LogEvent[];
  /** Where the first of them begins. */
  start: number;
  /** What is durable from there on, with the events of turns that ended meanwhile. */
  log: LogEvent[];
  /** Position after the last durable event. */
  head: number;
}

/**
 * Where sessions live. Each method is atomic and safe to repeat; a failure means “outcome unknown”, so callers repeat
 * or read. Failures are `StoreError`.
 */
export interface Store {
  readonly kind: string;
  readonly records: RecordStore;
  createSession(
    key: SessionKey,
    settings: Settings,
    epoch: string,
    at: number,
  ): Promise<{ created: boolean; session: StoredSession }>;
  readSession(key: SessionKey): Promise<StoredSession | undefined>;
  updateSettings(key: SessionKey, settings: Settings): Promise<void>;
  /** Pins a turn, or takes that back; at most `max` are pinned at a time. */
  setPinned(key: SessionKey, turn: string, pinned: boolean, max: number): Promise<PinResult>;
  /** Keeps a text that windows refer to by an id made of it; nothing when the session is not of this epoch any more. */
  keepText(key: SessionKey, epoch: string, id: string, text: string): Promise<void>;
  readText(key: SessionKey, id: string): Promise<string | undefined>;
  readSummary(key: SessionKey): Promise<StoredSummary | undefined>;
  /**
   * Stores a summary in place of the one that speaks up to `replaces` (0: of none). False when that is not the stored
   * one, so that two nodes never go backwards, or when the session is not of this epoch any more.
   */
  writeSummary(key: SessionKey, epoch: string, replaces: number, summary: StoredSummary): Promise<boolean>;
  /** Erases the session and everything of it. */
  deleteSession(key: SessionKey): Promise<void>;
  claim(request: ClaimRequest): Promise<ClaimResult>;
  readTurn(key: SessionKey, turn: string): Promise<StoredTurn | undefined>;
  /** Remembers the cancel of a turn that is not known yet; answers the turn if it is. */
  tombstone(key: SessionKey, turn: string, at: number): Promise<StoredTurn | undefined>;
  /** Makes events durable in the node log; all or nothing, in order. Throws `LeaseLostError` and `StoreLossError`. */
  append(batches: readonly LogBatch[]): Promise<void>;
  end(request: EndRequest): Promise<EndResult>;
  /** Notes for a finished turn what of it was heard; `end` is the position after it. */
  noteHeard(key: SessionKey, end: number, heard: number, outputTokens: number): Promise<void>;
  /** Entries that end after `from`, oldest end first. */
  readEntries(key: SessionKey, from: number, limit: number): Promise<TurnEntry[]>;
  /** Entries that ended before `before`, newest first. */
  readTail(key: SessionKey, before: number, limit: number): Promise<TurnEntry[]>;
  /** Sessions left unfinished by a process that died on this store. */
  orphans(): Promise<OrphanedSession[]>;
  /**
   * Gives an orphan's turns to `node`, this one, as if it had claimed them; their events are in its log from then on.
   * False when another node has the session.
   */
  adopt(orphan: OrphanedSession, node: string): Promise<boolean>;
  /**
   * Removes the oldest finished turns beyond the policy, some at a time, where nothing that stays overlaps the cut. Answers
   * the first position that is left and how many turns went; undefined when there is no such session.
   */
  retain(
    key: SessionKey,
    policy: RetentionPolicy,
  ): Promise<{ start: number; removed: number; version?: number | undefined } | undefined>;
  /** The session is in use. Turns do that by themselves. */
  touch(key: SessionKey): Promise<void>;
  /** Erases a session that runs nothing, that no node follows and that was not used for `idleMs`; answers whether it is gone. */
  expire(key: SessionKey, idleMs: number): Promise<boolean>;
  /** Whether this process is the one that tidies up for the next `ttlMs`. */
  mayTidy(ttlMs: number): Promise<boolean>;
  tenants(): Promise<string[]>;
  /** Sessions of a tenant that were used since they were made, the longest unused first. */
  listSessions(tenant: string, offset: number, limit: number): Promise<SessionUse[]>;
  close(): Promise<void>;
}

/** Sockets that follow a session. */
export interface Presence {
  writers: number;
  viewers: number;
}

/** A store that several nodes share, and how they know of each other. Times in milliseconds, by the store's clock. */
export interface SharedStore extends Store {
  readonly node: string;
  /**
   * Where the store asks what a session's unfinished turns have said, runs of deltas merged: a log that has grown long is
   * written anew from that.
   */
  logFrom(source: (key: SessionKey) => LogEvent[]): void;
  /** Takes the lease of this node for the first time. */
  joinNodes(ttlMs: number): Promise<void>;
  /** False: the lease ran out, this node must not say another word. */
  renewLease(ttlMs: number): Promise<boolean>;
  /** Gives the lease up; what of this node is unfinished is left for others to take over. */
  leaveNodes(): Promise<void>;
  /** Whether a node holds its lease. */
  isAlive(node: string): Promise<boolean>;
  /** Other nodes that hold their lease. */
  otherNodes(): Promise<string[]>;
  /** This node goes away: others must not leave turns to it. */
  retire(): Promise<void>;
  /** Other nodes that hold their lease and do not go away. */
  successors(): Promise<string[]>;
  /** Nodes whose lease ran out. */
  deadNodes(): Promise<string[]>;
  /** Takes over everything a dead node left unfinished; undefined when another node does, or it lives after all. */
  takeOver(dead: string): Promise<OrphanedSession[] | undefined>;
  /** All of it is ended. */
  buried(dead: string): Promise<void>;
  /** A node that is not alive may have left this session unfinished, should the store have lost its knowledge of that. */
  suspect(dead: string, key: SessionKey): Promise<void>;
  /** Calls back whenever the store may have lost data: its connection is back, or another server answers. */
  onReturn(callback: () => void): void;
  /** The session was erased by another node. */
  forget(key: SessionKey): void;
  /** Whether the store has everything that it acknowledged to this node. Throws `LeaseLostError`. */
  intact(): Promise<boolean>;
  /**
   * The generation of the data; `known` is the last that this node learned, '' at first. `ends`: data was lost, so that
   * one is over; whoever says so first makes the next one. It is also over when the store does not know it any more.
   */
  generation(known: string, ends: boolean): Promise<string>;
  /** Appends again what a running turn said, after a loss. */
  rewrite(batch: LogBatch): Promise<void>;
  /** What is there now is all there is: `intact` and `append` begin anew. */
  acceptLoss(): Promise<void>;
  /** What the store takes for running on this node, in sessions that do not run here; after a loss. */
  reclaim(runsHere: (key: SessionKey) => boolean): Promise<OrphanedSession[]>;
  /** Registers the sockets of this node that follow the session; `undefined`: none does any more. */
  setFollowing(key: SessionKey, presence: Presence | undefined): Promise<void>;
  /** Other nodes that follow the session, and with what. */
  followers(key: SessionKey): Promise<Map<string, Presence>>;
  /** Sends a message to a node; lost when it does not listen. */
  tell(node: string, message: string): void;
  /** Messages told to this node. `onReconnect`: some may have been lost. */
  listen(onMessage: (message: string) => void, onReconnect: () => void): Promise<void>;
}
