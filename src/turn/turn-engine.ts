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
import { LostClaims } from './lost-claims.ts';
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

/** How a submitted turn stands: taken now, or known before (`known` then says how). */
export type Submitted =
  | { outcome: 'accepted' }
  | { outcome: 'known'; existing: StoredTurn }
  /** Another node runs the session's turn and must take this one. */
  | { outcome: 'elsewhere'; owner: string };

interface CancelAnswer {
  upstream: Cancelling['upstream'];
  after: number;
}

/** Starts, joins, cancels and ends the turns of this node. */
export class TurnEngine {
  readonly #environment: TurnEnvironment;
  readonly #options: TurnEngineOptions;
  readonly #contexts = new WeakMap<Session, { context: ContextTail; foreignChanges: number }>();
  /** Per session, the turn that the store lets run. */
  readonly #runnable = new WeakMap<Session, string>();
  readonly #live = new Set<Turn>();
  readonly #lostClaims: LostClaims;
  #draining = false;

  constructor(options: TurnEngineOptions) {
    this.#options = options;
    this.#lostClaims = new LostClaims({
      ...options,
      takeUp: (session, record, isRunning) => this.#takeUp(session, record, isRunning),
    });
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
    const { limits } = this.#options;
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
    const record: TurnRecord = {
      turn,
      fingerprint: fingerprintOf({ ...frame, input }),
      frame: { id: turn, ...rest, input },
      acceptedAt: this.#options.clock.wall(),
      node: this.#options.node,
    };
    const created = await this.#createTurn(session, record);
    // one after another per session, so that accepts are placed in the order of the store
    const claimed = session.claims.then(() => this.#claim(session, created));
    session.claims = claimed.then(
      () => {},
      () => {},
    );
    return claimed;
  }

  async #createTurn(session: Session, record: TurnRecord): Promise<Turn> {
    const { tokensFor, router } = this.#options;
    const { model, input } = record.frame;
    const tokens = tokensFor(
      model ?? session.settings.model ?? router.route({ route: undefined, model: undefined }).model,
    );
    const counted = await tokens.countSliced(inputText(input));
    return new Turn(this.#environment, session, record, tokens, counted + messageOverheadTokens);
  }

  /** Answers a cancel; the end follows as `turn.ended`. `after`: the position that the answer must not overtake. */
  async cancel(
    session: Session,
    turnId: string,
    reason: string | undefined,
    heard: number | undefined,
  ): Promise<CancelAnswer> {
    await session.claims;
    const turn = session.turns.get(turnId) as Turn | undefined;
    if (turn === undefined) return this.#cancelUnknown(session, turnId, reason, heard);
    return this.#cancelKnown(session, turn, reason, heard);
  }

  #cancelKnown(session: Session, turn: Turn, reason: string | undefined, heard: number | undefined): CancelAnswer {
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

  /** The store holds a turn for this node that this node may not know: its claim's answer may have been lost. */
  async takeUpLost(session: Session): Promise<void> {
    try {
      await this.#lostClaims.look(session);
    } catch (error) {
      this.#options.logger.warn({ error }, 'a claim could not be looked up; the session’s next turn does it');
    }
    if (session.idle) this.#options.sessionSettled(session);
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

  async #claim(session: Session, turn: Turn): Promise<Submitted> {
    if (session.erased) throw new ProtocolError('session_not_found', 'The session was erased.');
    try {
      return await this.#claimOnce(session, turn);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.#lostClaims.add(session, turn.id);
      throw new ProtocolError(
        'store_unavailable',
        'The session could not be written; send the turn again with the same id.',
        { cause },
      );
    }
  }

  async #claimOnce(session: Session, turn: Turn): Promise<Submitted> {
    const { store, limits } = this.#options;
    const { record } = turn;
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
        // it waits for one that has its place before it, which this node may not know
        await this.#lostClaims.takeUpBefore(session, turn.id);
        this.#accept(session, turn, undefined);
        turn.queue(result.outcome === 'queued' ? result.ahead : 1);
        if (result.tombstoned) this.#endTombstoned(turn);
        if (result.outcome === 'replacing') this.#supersede(session, result.superseded, turn.id);
        this.#startRunnable(session);
        return { outcome: 'accepted' };
      case 'duplicate': {
        const known = session.turns.has(turn.id) || result.existing.state === 'finished';
        if (!known) await this.#lostClaims.takeUp(session, turn.id);
        return !known && session.turns.has(turn.id)
          ? { outcome: 'accepted' }
          : { outcome: 'known', existing: result.existing };
      }
      case 'elsewhere':
        return result;
      default:
        if (result.outcome === 'busy' && session.turns.size === 0) void this.takeUpLost(session);
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

  /** Goes on with a turn that the store holds for this node, as if its claim had just been answered. */
  async #takeUp(session: Session, record: TurnRecord, isRunning: boolean): Promise<Turn | undefined> {
    const turn = await this.#createTurn(session, record);
    if (record.pos !== undefined) await this.#catchUp(session, record.pos);
    if (session.erased || session.turns.has(turn.id)) return undefined;
    this.#accept(session, turn, record.pos);
    this.#options.turnRuns?.(session);
    if (isRunning) this.#runnable.set(session, turn.id);
    if (record.tombstoned === true) {
      this.#endTombstoned(turn);
      return turn;
    }
    if (isRunning) {
      turn.start();
      return turn;
    }
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
    return turn;
  }

  #endTombstoned(turn: Turn): void {
    turn.end({ status: 'cancelled', reason: 'cancelled', message: 'The cancel came before the turn.' });
  }

  #supersede(session: Session, turns: readonly string[], by: string): void {
    for (const id of [...turns].reverse()) {
      (session.turns.get(id) as Turn | undefined)?.end({ status: 'superseded', reason: by });
    }
  }

  async #cancelUnknown(
    session: Session,
    turnId: string,
    reason: string | undefined,
    heard: number | undefined,
  ): Promise<CancelAnswer> {
    const { store, clock } = this.#options;
    const existing = await store.tombstone(session.key, turnId, clock.wall());
    if (existing === undefined) return { upstream: 'not_started', after: 0 };
    if (existing.state === 'finished') {
      if (heard !== undefined) await noteHeard(this.#environment, session, existing.end, heard);
      return { upstream: 'ended', after: 0 };
    }
    // claimed, perhaps without an answer
    await this.#lostClaims.look(session);
    const turn = session.turns.get(turnId) as Turn | undefined;
    return turn === undefined ? { upstream: 'ended', after: 0 } : this.#cancelKnown(session, turn, reason, heard);
  }

  #turnEnded(turn: LiveTurn, session: Session, next: string | undefined): void {
    this.#live.delete(turn as Turn);
    if (next !== undefined) this.#runnable.set(session, next);
    this.#startRunnable(session);
    // its claim is still being answered, or never will be
    if (next !== undefined && !session.turns.has(next)) void this.takeUpLost(session);
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
