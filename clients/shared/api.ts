import type { Attached, Presence } from '../../protocol/frames/attach.ts';
import type {
  InputPart,
  OnBusy,
  Params,
  Settings,
  Timing,
  Tool,
  TurnInput,
  TurnStatus,
  Usage,
} from '../../protocol/frames/common.ts';
import type { Auth, Welcome } from '../../protocol/frames/hello.ts';
import type { FinishedTurn } from '../../protocol/frames/history.ts';
import type { Source, TurnRestarted, TurnRouted, TurnState } from '../../protocol/frames/turn.ts';
import type { WindowFrame } from '../../protocol/frames/window.ts';
import type { ConnectionState } from './connection-state.ts';
import type { ParleyError } from './parley-error.ts';

/**
 * A credential, or where to get one. A function is asked before the first connection, again shortly before a token ends or
 * when the gateway says that the credential ended, and for every connection when it answers tickets.
 */
export type AuthSource = Auth | (() => Promise<Auth | undefined> | Auth | undefined);

export interface ConnectOptions {
  auth?: AuthSource | undefined;
  /** Gives up the first connection; later it has no effect. */
  signal?: AbortSignal | undefined;
  /** Told to the gateway, for its logs. */
  client?: { name: string; version?: string } | undefined;
  /** Attempts at the first connection before `connect` rejects; later ones are not counted. Default: 1. */
  attempts?: number | undefined;
  /** Time for a connection to be welcomed, milliseconds. Default: 10 s. */
  connectMs?: number | undefined;
}

/** A turn that the gateway never accepted, as far as this client knows. */
export interface UnsentTurn {
  session: string;
  turn: string;
  input: TurnInput;
}

export type ClientEvents = {
  state: [state: ConnectionState];
  /** Faults that belong to no request; the client goes on unless its state is `closed`. */
  error: [error: ParleyError];
  welcome: [welcome: Welcome];
};

export interface Client {
  readonly state: ConnectionState;
  /** What the gateway said last about itself and who we are. */
  readonly welcome: Welcome | undefined;
  on<Name extends keyof ClientEvents>(name: Name, listener: (...args: ClientEvents[Name]) => void): () => void;
  /**
   * Follows a session, made now if it does not exist; without `id` a new one. Settings count only for a new one. A
   * session that is followed already is answered as it is. Rejects with `ParleyError`, or with the signal's reason.
   */
  session(id?: string, settings?: Settings, options?: SessionOptions): Promise<Session>;
  /** Looks at once whether the connection still stands; when offline, tries at once. */
  check(): void;
  /** Closes the connection. No turn is cancelled; those that never were accepted come back. */
  close(): Promise<{ unsent: UnsentTurn[] }>;
}

export interface SessionOptions {
  /** Which turns are shown: all of the log (default), or those that run now or start later. */
  replay?: 'all' | 'new' | undefined;
  /** Cursor kept from earlier, together with its epoch: only what came after is shown. */
  after?: number | undefined;
  epoch?: string | undefined;
  as?: 'writer' | 'viewer' | undefined;
  /** Whether to make a session that does not exist. Default: yes, unless as viewer. */
  create?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export type SessionEvents = {
  /** A turn this handle did not send: from another client, or from the log. */
  turn: [turn: Turn];
  'turn-ended': [turn: Turn, result: TurnResult];
  /** The replay is over. */
  live: [cursor: number];
  updated: [settings: Settings];
  pinned: [turn: string, pinned: boolean];
  deleted: [];
  /** What was held of the session is void (see `turns`); it is told anew from the start. */
  snapshot: [];
  presence: [presence: SessionPresence];
  /** This socket reads too slowly; events come merged. */
  lagging: [position: number];
};

export type SessionPresence = Pick<Presence, 'writers' | 'viewers'>;

export interface HistoryOptions {
  /** `next` of the page before. */
  before?: number | undefined;
  /** 1 to 100, default 20. */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface HistoryPage {
  /** Newest first. */
  turns: FinishedTurn[];
  /** `before` of the next page; absent on the last. */
  next?: number | undefined;
}

/** What was sent upstream for a turn in its first call; nothing while, or where, `sent` is false. */
export type TurnWindow = Pick<WindowFrame, 'sent' | 'messages' | 'upstream' | 'model' | 'report'>;

/** A user's input; the bytes of media as they are or as base64 text. */
export type SendInput = string | (InputPart | BytesPart)[];

type BytesPart = Omit<Extract<InputPart, { data: string }>, 'data'> & { data: Uint8Array };

export interface Session {
  readonly id: string;
  readonly settings: Settings;
  /** With `cursor`, what a page keeps to go on from here later. */
  readonly epoch: Attached['epoch'];
  readonly cursor: number;
  /** How the latest attach went: `snapshot` and `new` void a cursor that was given. */
  readonly outcome: Attached['outcome'] | undefined;
  /** Whether the replay is over, so that what comes happens now. */
  readonly live: boolean;
  readonly presence: SessionPresence | undefined;
  /** Ids of the turns that stay in every window. */
  readonly pinned: ReadonlySet<string>;
  /** Turns known: sent, running, replayed; of the ended ones the last 500. */
  readonly turns: ReadonlyMap<string, Turn>;
  on<Name extends keyof SessionEvents>(name: Name, listener: (...args: SessionEvents[Name]) => void): () => void;
  /** Starts a turn. Answers at once; the turn is sent until it is accepted or refused, over any number of connections. */
  send(input: SendInput, options?: SendOptions): Turn;
  /** A page of finished turns. */
  history(options?: HistoryOptions): Promise<HistoryPage>;
  /** Keeps a turn, by its id, in every window, or no longer. */
  pin(turn: string, pinned: boolean): Promise<void>;
  /** What was sent upstream for a turn, by its id. */
  window(turn: string): Promise<TurnWindow>;
  /** Absent keys stay, `null` removes. Answers the settings as they are then. */
  update(settings: Settings): Promise<Settings>;
  /** Erases the session everywhere. */
  delete(): Promise<void>;
  /** Stops following. Turns go on; their handles here reject with `closed`. */
  detach(): void;
}

export interface SendOptions {
  /** Cancels the turn. */
  signal?: AbortSignal | undefined;
  onBusy?: OnBusy | undefined;
  model?: string | undefined;
  /** Over the session's, key by key. */
  metadata?: Record<string, string> | undefined;
  params?: Params | undefined;
  tools?: Tool[] | undefined;
  limits?: { maxOutputTokens?: number; maxCostUsd?: number } | undefined;
  deadlineMs?: number | undefined;
  onDetach?: { keepMs: number } | undefined;
  route?: string | undefined;
  /** The cursor the user saw; refused with `stale_base` when the session has moved on. */
  base?: number | undefined;
}

/**
 * `tokens`: output tokens of the turn so far. `pos`: position of the part, of a text its first code unit, for `heard`. After a `restarted`
 * what was said from position `from` on does not hold, and the answer begins anew.
 */
export type TurnPart =
  | { type: 'text' | 'reasoning'; text: string; tokens: number; pos: number }
  | { type: 'tool-call'; call: string; name: string; arguments: string; pos: number }
  | { type: 'tool-result'; call: string; output?: unknown; error?: string | undefined; pos: number }
  | ({ type: 'routed' } & Omit<TurnRouted, 't' | 's' | 'pos' | 'turn'>)
  | ({ type: 'restarted' } & Pick<TurnRestarted, 'from' | 'reason'>)
  | { type: 'state'; state: TurnState['state']; place?: number | undefined };

export interface TurnToolCall {
  call: string;
  name: string;
  arguments: string;
  output?: unknown;
  error?: string | undefined;
}

export interface TurnResult {
  status: TurnStatus;
  reason?: string | undefined;
  message?: string | undefined;
  heard?: number | undefined;
  text: string;
  reasoning: string;
  /** Citations of the answer, each address once. */
  sources?: Source[] | undefined;
  usage: Usage;
  costUsd?: number | undefined;
  timing: Timing;
  toolCalls: TurnToolCall[];
}

/** `sending`: not accepted yet. `refused`: it will never run, or can no longer be followed; `done` says why. */
export type TurnProgress = 'sending' | 'running' | TurnStatus | 'refused';

export type ToolOutcome = { output: unknown } | { error: string };

export interface CancelOptions {
  /** Position up to which the user heard or read the answer; may also come after the end. */
  heard?: number | undefined;
  reason?: string | undefined;
}

/**
 * One turn. Iterating shows its parts from the start, as often as wanted; leaving an iteration changes nothing, and a
 * slow one gets longer pieces instead of more. An iteration throws what `done` rejects with.
 */
export interface Turn extends AsyncIterable<TurnPart> {
  readonly id: string;
  /** Absent for a turn of which only the later part is known. */
  readonly input: TurnInput | undefined;
  readonly status: TurnProgress;
  /** Output tokens so far. */
  readonly tokens: number;
  /** This and the next two leave out what a restart dropped. */
  readonly partialText: string;
  readonly partialReasoning: string;
  readonly toolCalls: readonly TurnToolCall[];
  /** Resolves when the turn is durable; rejects when it was refused, or cancelled before it was sent. */
  readonly accepted: Promise<void>;
  /** Resolves at the end, whatever its status. Rejects with `ParleyError` when the turn was refused or its end cannot be known. */
  readonly done: Promise<TurnResult>;
  /** The whole text, when the turn has ended. */
  text(): Promise<string>;
  /** Ends the turn; resolves like `done`. */
  cancel(options?: CancelOptions): Promise<TurnResult>;
  /** Answers a tool call; resolves when the gateway has taken the result, or had closed the call before. */
  toolResult(call: string, outcome: ToolOutcome): Promise<void>;
}
