import type { DownFrame, EventFrame } from '../../protocol/down.ts';
import type { Attach, Attached } from '../../protocol/frames/attach.ts';
import { inputAsText } from '../../protocol/binary-text.ts';
import type { Settings, TurnInput } from '../../protocol/frames/common.ts';
import type { ErrorFrame } from '../../protocol/frames/connection.ts';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import type { WindowFrame } from '../../protocol/frames/window.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { reasonOf, whenAborted } from './abort.ts';
import type {
  CancelOptions,
  HistoryOptions,
  HistoryPage,
  SendInput,
  SendOptions,
  Session,
  SessionEvents,
  SessionOptions,
  SessionPresence,
  ToolOutcome,
  TurnResult,
  TurnWindow,
} from './api.ts';
import { createDeferred } from './deferred.ts';
import { Emitter } from './emitter.ts';
import { ParleyError } from './parley-error.ts';
import { type RequestHost, Requests } from './requests.ts';
import { TurnHandle, type TurnOwner } from './turn-handle.ts';

/** Ended turns kept in `turns`. */
const keptTurns = 500;

/** Positions received before they are acknowledged without waiting for the next heartbeat. */
const acknowledgedEvery = 16_384;

/** What a session asks of its client. */
export interface SessionHost extends RequestHost {
  newId(): string;
  nextRef(): number;
  /** Attaches (anew) on every connection; a further time without progress waits. */
  attach(session: SessionHandle, attempt: number): void;
  release(session: SessionHandle): void;
}

export class SessionHandle extends Emitter<SessionEvents> implements Session, TurnOwner {
  readonly id: string;
  readonly alias: number;
  readonly turns = new Map<string, TurnHandle>();
  readonly opened = createDeferred<this>();
  readonly requests: Requests;
  settings: Settings = {};
  epoch: string;
  cursor: number;
  outcome: Attached['outcome'] | undefined;
  live = false;
  presence: SessionPresence | undefined;
  pinned: Set<string> = new Set();
  readonly #host: SessionHost;
  readonly #options: SessionOptions;
  readonly #created: Settings | undefined;
  /** Whether `cursor` says anything. */
  #resumes: boolean;
  #over: ParleyError | undefined;
  /** With replay `new`: events before `before` count only for these turns. */
  #shown: { before: number; turns: ReadonlySet<string> } | undefined;
  /** Accepted turns of the log's last life, which the replay has not named yet. */
  #orphans = new Map<string, TurnHandle>();
  #gaps = 0;
  #acknowledged = 0;

  constructor(id: string, alias: number, settings: Settings | undefined, options: SessionOptions, host: SessionHost) {
    super();
    this.id = id;
    this.alias = alias;
    this.#created = settings;
    this.#options = options;
    this.#host = host;
    this.#resumes = options.after !== undefined;
    this.cursor = options.after ?? 0;
    this.epoch = options.epoch ?? '';
    this.requests = new Requests(host);
  }

  send(input: SendInput, { signal, ...options }: SendOptions = {}): TurnHandle {
    const turn = new TurnHandle(this.#host.newId(), inputAsText(input) as TurnInput, this);
    if (signal?.aborted) {
      turn.cancelUnsent(reasonOf(signal));
      return turn;
    }
    this.turns.set(turn.id, turn);
    const refuse = (error: unknown): void => {
      this.turns.delete(turn.id);
      turn.refuse(error as ParleyError);
    };
    const frame = { t: 'turn', ref: this.#host.nextRef(), s: this.alias, id: turn.id, input, ...options };
    this.requests.add(frame as TurnFrame, { resolve: () => {}, reject: refuse });
    if (signal !== undefined) {
      const stop = whenAborted(signal, () => void turn.cancel({ reason: reasonOf(signal) }));
      turn.done.finally(stop).catch(() => {});
    }
    return turn;
  }

  cancel(turn: TurnHandle, { heard, reason }: CancelOptions): Promise<TurnResult> {
    if (turn.over && heard === undefined) return turn.done;
    if (this.requests.withdraw(turn.id)) {
      this.turns.delete(turn.id);
      turn.cancelUnsent(reason);
      return turn.done;
    }
    const result = createDeferred<TurnResult>();
    const end = (): unknown => turn.done.then(result.resolve, result.reject);
    if (!turn.over) end();
    const frame = { t: 'cancel', ref: this.#host.nextRef(), s: this.alias, turn: turn.id, reason, heard } as const;
    this.requests.add(frame, { resolve: end, reject: result.reject });
    return result.promise;
  }

  toolResult({ id: turn }: TurnHandle, call: string, outcome: ToolOutcome): Promise<void> {
    return this.requests.ask({ t: 'tool.result', ref: this.#host.nextRef(), s: this.alias, turn, call, ...outcome });
  }

  history({ signal, before, limit }: HistoryOptions = {}): Promise<HistoryPage> {
    return this.requests.ask({ t: 'history', ref: this.#host.nextRef(), s: this.alias, before, limit }, signal);
  }

  pin(turn: string, pinned: boolean): Promise<void> {
    return this.requests.ask({ t: 'pin', ref: this.#host.nextRef(), s: this.alias, turn, pinned });
  }

  async window(turn: string): Promise<TurnWindow> {
    const messages: TurnWindow['messages'] = [];
    for (let skip: number | undefined; ; ) {
      const ref = this.#host.nextRef();
      const page = await this.requests.ask<WindowFrame>({ t: 'window', ref, s: this.alias, turn, skip });
      messages.push(...page.messages);
      skip = page.next;
      const { sent, upstream, model, report } = page;
      if (skip === undefined) return { sent, messages, upstream, model, report };
    }
  }

  update(settings: Settings): Promise<Settings> {
    return this.requests.ask({ t: 'update', ref: this.#host.nextRef(), s: this.alias, settings });
  }

  delete(): Promise<void> {
    return this.requests.ask({ t: 'delete', ref: this.#host.nextRef(), s: this.alias });
  }

  detach(): void {
    if (this.#over !== undefined) return;
    this.#host.send([{ t: 'detach', s: this.alias }]);
    this.fail(new ParleyError('closed', 'The session was detached.'));
  }

  attachFrame(ref: number): Attach {
    const { as, create = as !== 'viewer' } = this.#options;
    return {
      t: 'attach',
      ref,
      s: this.alias,
      session: this.id,
      // a session that was erased while we were away stays erased
      create: create && this.outcome === undefined ? { settings: this.#created } : undefined,
      epoch: this.epoch || undefined,
      after: this.#resumes ? this.cursor : undefined,
      as,
    };
  }

  ackFrames(): UpFrame[] {
    if (this.cursor <= this.#acknowledged) return [];
    this.#acknowledged = this.cursor;
    return [{ t: 'ack', s: this.alias, pos: this.cursor }];
  }

  /** Any frame of this session; events come from an attachment of this epoch. */
  receive(frame: DownFrame): void {
    switch (frame.t) {
      case 'attached':
        return this.#onAttached(frame);
      case 'live':
        return this.#onLive();
      case 'turn.state':
        if (frame.ref !== undefined) this.requests.settle(frame.ref);
        else this.turns.get(frame.turn)?.progress(frame);
        return;
      case 'cancelling':
      case 'ignored':
        return this.requests.settle(frame.ref);
      case 'history':
        return this.requests.settle(frame.ref, { turns: frame.turns, next: frame.next } satisfies HistoryPage);
      case 'window':
        return this.requests.settle(frame.ref, frame);
      case 'pinned':
        if (frame.pinned) this.pinned.add(frame.turn);
        else this.pinned.delete(frame.turn);
        this.requests.settle(frame.ref);
        return this.emit('pinned', frame.turn, frame.pinned);
      case 'updated':
        this.settings = frame.settings;
        this.requests.settle(frame.ref, frame.settings);
        return this.emit('updated', frame.settings);
      case 'deleted':
        return this.erased();
      case 'presence':
        this.presence = { writers: frame.writers, viewers: frame.viewers };
        return this.emit('presence', this.presence);
      case 'lagging':
        return this.emit('lagging', frame.pos);
      default:
        if ('pos' in frame) this.#onEvent(frame as EventFrame);
    }
  }

  /** A request was refused; false when none is known by this ref. */
  refused(frame: ErrorFrame): boolean {
    return this.requests.refuse(frame.ref, frame.turn, ParleyError.told(frame));
  }

  erased(): void {
    const known = this.outcome !== undefined;
    this.requests.settleDeletes();
    this.fail(new ParleyError('session_not_found', 'The session was erased.'));
    if (known) this.emit('deleted');
  }

  /** Nothing more comes for this session. */
  fail(error: ParleyError): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#host.release(this);
    this.requests.close(error);
    for (const turn of [...this.turns.values(), ...this.#orphans.values()]) turn.refuse(error);
    this.opened.reject(error);
  }

  #onAttached(frame: Attached): void {
    const first = this.outcome === undefined;
    const valid = frame.outcome === 'resumed' && (this.epoch === '' || this.epoch === frame.epoch);
    this.outcome = frame.outcome;
    this.live = false;
    this.settings = frame.settings;
    this.pinned = new Set(frame.pinned);
    this.epoch = frame.epoch;
    if (!this.#resumes) this.cursor = frame.from;
    else if (!valid) this.#reset(frame.from);
    this.#acknowledged = Math.min(this.#acknowledged, this.cursor);
    if (first && this.#options.replay === 'new' && !this.#resumes && frame.from < frame.head) {
      const live = new Set(frame.live);
      this.#shown = { before: frame.head, turns: live };
      // nothing runs, so nothing before the head is wanted: begins again there rather than read all of it
      if (live.size === 0) {
        this.#resumes = true;
        this.cursor = frame.head;
        return this.#host.attach(this, 0);
      }
    }
    this.#resumes = true;
    this.opened.resolve(this);
  }

  #onLive(): void {
    for (const turn of this.#orphans.values()) {
      turn.refuse(new ParleyError('history_lost', 'The gateway no longer knows this turn.'));
    }
    this.#orphans.clear();
    this.live = true;
    this.emit('live', this.cursor);
  }

  #reset(from: number): void {
    this.cursor = from;
    this.#shown = undefined;
    for (const [id, turn] of this.turns) {
      if (turn.status === 'sending') continue;
      this.turns.delete(id);
      if (turn.over) continue;
      turn.reset();
      this.#orphans.set(id, turn);
    }
    this.emit('snapshot');
  }

  #onEvent(event: EventFrame): void {
    const length = event.t === 'delta' ? event.text.length : 1;
    const known = this.cursor - event.pos;
    if (known >= length) return;
    if (known < 0) return this.#host.attach(this, this.#gaps++);
    this.#gaps = 0;
    this.cursor = event.pos + length;
    const shown = this.#shown;
    if (shown === undefined || event.pos >= shown.before || shown.turns.has(event.turn)) {
      // an event of one position is never partly known
      this.#apply(
        known > 0
          ? ({ ...event, pos: event.pos + known, text: (event as { text: string }).text.slice(known) } as EventFrame)
          : event,
      );
    }
    if (event.t === 'turn.ended' || this.cursor - this.#acknowledged >= acknowledgedEvery)
      this.#host.send(this.ackFrames());
  }

  #apply(event: EventFrame): void {
    let turn = this.turns.get(event.turn);
    const isNew = turn === undefined;
    if (turn === undefined) {
      turn = this.#orphans.get(event.turn) ?? new TurnHandle(event.turn, undefined, this);
      this.#orphans.delete(event.turn);
      this.turns.set(event.turn, turn);
    }
    turn.apply(event);
    this.requests.answeredBy(event);
    if (isNew) this.emit('turn', turn);
    if (event.t !== 'turn.ended') return;
    for (const [id, { over }] of this.turns.size > keptTurns ? this.turns : []) {
      if (!over) continue;
      this.turns.delete(id);
      break;
    }
    const ended = turn;
    void ended.done.then((result) => this.emit('turn-ended', ended, result));
  }
}
