import type { OnBusy } from '../../protocol/frames/common.ts';
import type { Cancelling, TurnFrame, TurnState } from '../../protocol/frames/turn.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { ContextTail } from '../context/context-tail.ts';
import { messageOverheadTokens } from '../context/message-tokens.ts';
import { inputText } from '../context/turn-messages.ts';
import type { LiveTurn, Session } from '../session/session.ts';
import type { ClaimResult, StoredTurn, TurnRecord } from '../store/contract.ts';
import { StoreError } from '../store/store-error.ts';
import type { Ending, TurnEnvironment } from './contract.ts';
import { fingerprintOf } from './fingerprint.ts';
import { noteHeard } from './note-heard.ts';
import { Turn } from './turn.ts';

export type TurnEngineOptions = Omit<TurnEnvironment, 'contextOf' | 'turnEnded'> & {
  /** A session may have become idle. */
  sessionSettled(session: Session): void;
  /** A session that was idle runs a turn on this node now. */
  turnRuns?(session: Session): void;
};

/** Time for the store to take the last ends of a drain, milliseconds. */
const endGraceMs = 5_000;

/** After a claim without an answer, until the store is asked what became of it, milliseconds. */
const findOutMs = 5_000;

/** How a submitted turn stands: taken now, or known before (`known` then says how). */
export type Submitted =
  | { outcome: 'accepted' }
  | { outcome: 'known'; existing: StoredTurn }
  /** Another node runs the session's turn and must take this one. */
  | { outcome: 'elsewhere'; owner: string };

/** Starts, joins, cancels and ends the turns of this node. */
export class TurnEngine {
  readonly #environment: TurnEnvironment;
  readonly #options: TurnEngineOptions;
  readonly #contexts = new WeakMap<Session, { context: ContextTail; foreignChanges: number }>();
  /** Per session, the turn that the store lets run. */
  readonly #runnable = new WeakMap<Session, string>();
  readonly #live = new Set<Turn>();
  #draining = false;

  constructor(options: TurnEngineOptions) {
    this.#options = options;
    this.#environment = {
      ...options,
      contextOf: (session) => this.#contextOf(session),
      turnEnded: (turn, session, next) => this.#turnEnded(turn, session, next),
    };
  }

  get liveTurns(): number {
    return this.#live.size;
  }

  /**
   * Claims and starts a turn. Throws `ProtocolError`: idempotency_conflict, turn_in_progress, queue_full, stale_base,
   * input_too_large, session_not_found, store_unavailable, draining.
   */
  async submit(session: Session, frame: TurnFrame): Promise<Submitted> {
    // its socket may be gone before the claim is answered; the turn still belongs to this session's one object
    session.holds++;
    try {
      return await this.#submit(session, frame);
    } finally {
      session.holds--;
      if (session.idle) this.#options.sessionSettled(session);
    }
  }

  async #submit(session: Session, frame: TurnFrame): Promise<Submitted> {
    if (this.#draining)
      throw new ProtocolError('draining', 'This node is going away; send the turn on another connection.');
    const { id: turn, t: _type, s: _alias, ref: _ref, ...rest } = frame;
    const input = wellFormed(frame.input);
    const text = inputText(input);
    const { limits, tokensFor } = this.#options;
    if (frame.limits?.maxCostUsd !== undefined) {
      throw new ProtocolError(
        'invalid_frame',
        'turn: “limits.maxCostUsd” needs prices, which this gateway does not have; limit “maxOutputTokens”.',
      );
    }
    if (text.trim() === '') throw new ProtocolError('invalid_frame', 'turn: “input” is empty.');
    if (Buffer.byteLength(text) > limits.maxInputBytes) {
      throw new ProtocolError(
        'input_too_large',
        `The input is larger than ${limits.maxInputBytes} bytes; send a shorter one.`,
      );
    }
    const tokens = tokensFor(
      frame.model ?? session.settings.model ?? this.#options.router.route({ route: undefined, model: undefined }).model,
    );
    const counted = await tokens.countSliced(text);
    const record: TurnRecord = {
      turn,
      fingerprint: fingerprintOf({ ...frame, input }),
      frame: { id: turn, ...rest, input },
      acceptedAt: this.#options.clock.wall(),
      node: this.#options.node,
    };
    // one after another per session, so that accepts are placed in the order of the store
    const claimed = session.claims.then(() =>
      this.#claim(
        session,
        record,
        new Turn(this.#environment, session, record, tokens, counted + messageOverheadTokens),
      ),
    );
    session.claims = claimed.then(
      () => {},
      () => {},
    );
    return claimed;
  }

  /** Answers a cancel; the end follows as `turn.ended`. `after`: the position that the answer must not overtake. */
  async cancel(
    session: Session,
    turnId: string,
    reason: string | undefined,
    heard: number | undefined,
  ): Promise<{ upstream: Cancelling['upstream']; after: number }> {
    await session.claims;
    const turn = session.turns.get(turnId) as Turn | undefined;
    if (turn === undefined) return { upstream: await this.#cancelUnknown(session, turnId, heard), after: 0 };
    const upstream = turn.hasUpstreamCall ? 'aborting' : 'not_started';
    if (!turn.end({ status: 'cancelled', reason: reason ?? 'cancelled', heard }))
      return { upstream: 'ended', after: 0 };
    return { upstream, after: session.log.head - 1 };
  }

  /** Throws `turn_not_found` or `tool_call_unknown`; `ignored` when the call was closed before. */
  async toolResult(
    session: Session,
    turnId: string,
    call: string,
    output: unknown,
    error: string | undefined,
  ): Promise<'taken' | 'ignored'> {
    const turn = session.turns.get(turnId) as Turn | undefined;
    if (turn === undefined) {
      const stored = await this.#options.store.readTurn(session.key, turnId);
      if (stored === undefined) throw new ProtocolError('turn_not_found', 'There is no such turn in this session.');
      return 'ignored';
    }
    const outcome = turn.toolResult(call, output, error);
    if (outcome === 'unknown') throw new ProtocolError('tool_call_unknown', 'The turn has no such tool call.');
    return outcome === 'taken' ? 'taken' : 'ignored';
  }

  /** How an unfinished turn stands. */
  stateOf(session: Session, turn: string): TurnState['state'] {
    const phase = (session.turns.get(turn) as Turn | undefined)?.machine.phase;
    if (phase === undefined || phase === 'claimed') return 'routing';
    return phase === 'ending' ? 'streaming' : phase;
  }

  /** Stops everything of a session that is being erased. */
  abandon(session: Session): void {
    session.erased = true;
    for (const turn of session.turns.values()) {
      (turn as Turn).abandon();
      this.#live.delete(turn as Turn);
    }
    session.turns.clear();
    this.#contexts.delete(session);
  }

  /**
   * Refuses new turns; after `graceMs` ends those that still run as `interrupted`. Resolves when none is left, or when the
   * store does not take the ends either: they are then found unfinished at the next start.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const { clock, logger } = this.#options;
    const deadlineMs = clock.now() + graceMs;
    while (this.#live.size > 0) {
      if (clock.now() >= deadlineMs)
        this.#endAll({ status: 'interrupted', reason: 'shutdown', message: 'The node was shut down.' });
      if (clock.now() >= deadlineMs + endGraceMs) {
        logger.error({ turns: this.#live.size }, 'turns could not be ended before the stop; the next start ends them');
        return;
      }
      await new Promise((resolve) => clock.setTimer(() => resolve(undefined), 20));
    }
  }

  #endAll(ending: Ending): void {
    // those that wait first, so that none of them is started
    for (const turn of [...this.#live].reverse()) turn.end(ending);
  }

  async #claim(session: Session, record: TurnRecord, turn: Turn): Promise<Submitted> {
    if (session.erased) throw new ProtocolError('session_not_found', 'The session was erased.');
    try {
      return await this.#claimOnce(session, record, turn);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.#findOut(session, turn);
      throw new ProtocolError(
        'store_unavailable',
        'The session could not be written; send the turn again with the same id.',
        { cause },
      );
    }
  }

  async #claimOnce(session: Session, record: TurnRecord, turn: Turn): Promise<Submitted> {
    const { store, limits } = this.#options;
    const result = await store.claim({
      ...session.key,
      record,
      onBusy: onBusyOf(session, record),
      base: record.frame.base,
      liveHead: session.turns.size > 0 ? session.log.durable : undefined,
      maxQueuedTurns: limits.maxQueuedTurns,
    });
    if (session.erased) throw new ProtocolError('session_not_found', 'The session was erased.');
    switch (result.outcome) {
      case 'running':
        await this.#catchUp(session, result.pos);
        this.#accept(session, turn, result.pos);
        this.#runnable.set(session, turn.id);
        this.#options.turnRuns?.(session);
        if (result.tombstoned) this.#endTombstoned(turn);
        else turn.start();
        return { outcome: 'accepted' };
      case 'queued':
      case 'replacing':
        this.#accept(session, turn, undefined);
        turn.queue(result.outcome === 'queued' ? result.ahead : 1);
        if (result.tombstoned) this.#endTombstoned(turn);
        if (result.outcome === 'replacing') this.#supersede(session, result.superseded, turn.id);
        this.#startRunnable(session);
        return { outcome: 'accepted' };
      case 'duplicate':
        return (await this.#resumeLost(session, turn)) ?? { outcome: 'known', existing: result.existing };
      case 'elsewhere':
        return result;
      default:
        throw refusal(result);
    }
  }

  #accept(session: Session, turn: Turn, claimedPosition: number | undefined): void {
    if (claimedPosition !== undefined && session.log.head !== claimedPosition) {
      throw new Error(`the store placed a turn at ${claimedPosition}, the session at ${session.log.head}`);
    }
    session.turns.set(turn.id, turn);
    this.#live.add(turn);
    const accepted = {
      t: 'turn.accepted',
      turn: turn.id,
      input: turn.frame.input,
      at: turn.record.acceptedAt,
    } as const;
    if (claimedPosition === undefined) {
      turn.accepted(session.append({ ...accepted }).pos);
    } else {
      const placed = session.log.appendHeld({ ...accepted });
      turn.accepted(placed.pos);
      session.confirm(placed);
    }
    turn.attachmentsChanged(session.attachments.length);
  }

  /** Turns that ran on other nodes meanwhile are in the store. */
  async #catchUp(session: Session, position: number): Promise<void> {
    if (session.log.head >= position) return;
    const stored = await this.#options.store.readSession(session.key);
    if (stored !== undefined) session.finishedTurns = stored.turns;
    session.catchUp(position);
  }

  /** Takes up a claim of this node whose answer never came, so that nothing runs it. */
  async #resumeLost(session: Session, turn: Turn): Promise<Submitted | undefined> {
    if (session.turns.has(turn.id)) return undefined;
    // asked only now: a turn that ended meanwhile is stored as ended before it leaves the session
    const existing = await this.#options.store.readTurn(session.key, turn.id);
    if (existing?.state !== 'unfinished' || existing.record.node !== this.#options.node || session.turns.has(turn.id))
      return undefined;
    return this.#resume(session, turn, existing.record);
  }

  async #resume(session: Session, turn: Turn, record: TurnRecord): Promise<Submitted> {
    if (record.pos !== undefined) await this.#catchUp(session, record.pos);
    this.#accept(session, turn, record.pos);
    if (record.pos === undefined) {
      this.#options.turnRuns?.(session);
      turn.queue(1);
      if (onBusyOf(session, record) === 'replace') {
        const before = [...session.turns.values()].filter(
          (other) => other !== turn && (other as Turn).record.acceptedAt <= record.acceptedAt,
        );
        this.#supersede(
          session,
          before.map(({ id }) => id),
          turn.id,
        );
      }
      this.#startRunnable(session);
    } else {
      this.#runnable.set(session, turn.id);
      this.#options.turnRuns?.(session);
      turn.start();
    }
    return { outcome: 'accepted' };
  }

  /** The client was told to try again; if it does not and the claim had happened, the turn must end all the same. */
  #findOut(session: Session, turn: Turn): void {
    const { clock } = this.#options;
    const look = async (): Promise<void> => {
      if (session.erased || (await this.#resumeLost(session, turn)) === undefined) return;
      turn.end({
        status: 'failed',
        reason: 'store_unavailable',
        message: 'The store did not say in time that it had taken the turn.',
      });
    };
    const later = (): void => {
      const claims = session.claims.then(look);
      session.claims = claims.catch(() => {});
      claims.catch(() => clock.setTimer(later, findOutMs));
    };
    clock.setTimer(later, findOutMs);
  }

  #endTombstoned(turn: Turn): void {
    turn.end({ status: 'cancelled', reason: 'cancelled', message: 'The cancel came before the turn.' });
  }

  #supersede(session: Session, turns: readonly string[], by: string): void {
    for (const id of [...turns].reverse()) {
      (session.turns.get(id) as Turn | undefined)?.end({ status: 'superseded', reason: by });
    }
  }

  async #cancelUnknown(session: Session, turn: string, heard: number | undefined): Promise<Cancelling['upstream']> {
    const { store, clock } = this.#options;
    const existing = await store.tombstone(session.key, turn, clock.wall());
    if (existing === undefined) return 'not_started';
    if (existing.state === 'finished' && heard !== undefined) {
      await noteHeard(this.#environment, session, existing.end, heard);
    }
    return 'ended';
  }

  #turnEnded(turn: LiveTurn, session: Session, next: string | undefined): void {
    this.#live.delete(turn as Turn);
    if (next !== undefined) this.#runnable.set(session, next);
    this.#startRunnable(session);
    session.trim();
    if (session.turns.size === 0) this.#options.sessionSettled(session);
  }

  /** Starts the turn the store lets run, once this node knows it. */
  #startRunnable(session: Session): void {
    const runnable = this.#runnable.get(session);
    if (runnable === undefined) return;
    const turn = session.turns.get(runnable) as Turn | undefined;
    if (turn !== undefined && !turn.machine.isOver) turn.start();
  }

  #contextOf(session: Session): ContextTail {
    const known = this.#contexts.get(session);
    if (known?.foreignChanges === session.foreignChanges) return known.context;
    const context = new ContextTail(this.#options.store, session.key);
    this.#contexts.set(session, { context, foreignChanges: session.foreignChanges });
    return context;
  }
}

function onBusyOf(session: Session, record: TurnRecord): OnBusy {
  return record.frame.onBusy ?? session.settings.onBusy ?? 'reject';
}

function refusal(
  result: Exclude<ClaimResult, { outcome: 'running' | 'queued' | 'replacing' | 'duplicate' | 'elsewhere' }>,
): ProtocolError {
  switch (result.outcome) {
    case 'conflict':
      return new ProtocolError(
        'idempotency_conflict',
        'This turn id was already used with another input; use a new id.',
      );
    case 'busy':
      return new ProtocolError(
        'turn_in_progress',
        'Another turn is running; wait for its end, or set onBusy to queue or replace.',
      );
    case 'queue_full':
      return new ProtocolError('queue_full', 'Too many turns wait in this session; try again when one has ended.');
    case 'stale_base':
      return new ProtocolError('stale_base', `The session moved on; its head is ${result.head}.`);
    case 'session_not_found':
      return new ProtocolError('session_not_found', 'The session does not exist any more.');
  }
}

/** Lone surrogates have no place in UTF-8: they become U+FFFD, as a JSON reader in another language would have it. */
function wellFormed(input: TurnFrame['input']): TurnFrame['input'] {
  if (typeof input === 'string') return input.toWellFormed();
  return input.map((part) => ({ ...part, text: part.text.toWellFormed() }));
}
