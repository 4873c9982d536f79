import type { Cancelling, TurnFrame, TurnState } from '../../protocol/frames/turn.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { tokensBesideText } from '../context/message-tokens.ts';
import { estimateWindow } from '../context/estimate-window.ts';
import { SessionContext } from '../context/session-context.ts';
import { inputText, userMessage } from '../context/turn-messages.ts';
import { errorOf } from '../limits/refusal.ts';
import { schemaProblem } from '../lib/json-format.ts';
import { endOf, type LogEvent } from '../session/log-event.ts';
import type { LiveTurn, Session } from '../session/session.ts';
import type { OrphanedSession, StoredTurn, TurnRecord } from '../store/contract.ts';
import { StoreError, StoreLossError } from '../store/store-error.ts';
import { checkInput } from './check-input.ts';
import { onBusyOf, refusal, wellFormed } from './claim-answers.ts';
import type { SummarySettings, TurnEnvironment } from './contract.ts';
import { fingerprintOf } from './fingerprint.ts';
import { HandOver } from './hand-over.ts';
import { LiveTurns } from './live-turns.ts';
import { LostClaims } from './lost-claims.ts';
import { noteHeard } from './note-heard.ts';
import { Summariser } from './summariser.ts';
import { modelToCountFor, routeRequestOf } from './route-turn.ts';
import { Turn } from './turn.ts';

export type TurnEngineOptions = Omit<TurnEnvironment, 'contextOf' | 'summaryFailed' | 'turnEnded' | 'turnForgotten'> & {
  summary: SummarySettings;
  /** A session has a new summary. */
  summaryMade?(session: Session): void;
  /** A session may have become idle. */
  sessionSettled(session: Session): void;
  /** A turn ended and is stored. */
  turnStored?(session: Session): void;
  /** The store has less of a session than this node knows of it; unless the session was erased, where that is not certain. */
  storeForgot?(isCertain: boolean): void;
  /** The store takes turns for running here that do not any more; they are to be ended as those of a lost node. */
  turnsForsaken?(session: Session): void;
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
  readonly #contexts = new WeakMap<Session, { context: SessionContext; foreignChanges: number }>();
  readonly #live = new LiveTurns();
  readonly #lostClaims: LostClaims;
  readonly #handOver: HandOver;
  readonly #summariser: Summariser;
  /** Of the last claim. */
  #order = 0;
  #draining = false;

  constructor(options: TurnEngineOptions) {
    this.#options = options;
    this.#lostClaims = new LostClaims({
      ...options,
      hasEntered: (turn) => this.#live.hasEntered(turn),
      forsaken: (session) => options.turnsForsaken?.(session),
      takeUp: (session, record, isRunning) => this.#takeUp(session, record, isRunning),
    });
    this.#handOver = new HandOver({
      ...options,
      live: this.#live,
      createTurn: (session, record) => this.#createTurn(session, record),
      takeOverAccount: (key, { turn, who }) =>
        options.accounting.takeOver({ ...key, turn, spender: who, maxCostUsd: undefined }),
      adopted: (session, order) => {
        // what is claimed here from now on comes behind them
        this.#order = Math.max(this.#order, order);
        this.#options.turnRuns?.(session);
      },
    });
    this.#environment = {
      ...options,
      contextOf: (session) => this.#contextOf(session),
      summaryFailed: (session) => this.#summariser.hasFailed(session),
      turnForgotten: (turn) => {
        this.#live.delete(turn as Turn);
        this.#options.storeForgot?.(false);
      },
      turnEnded: (turn, session, next) => this.#turnEnded(turn, session, next),
    };
    this.#summariser = new Summariser({
      ...options,
      contextOf: (session) => this.#contextOf(session),
      summaryMade: (session) => options.summaryMade?.(session),
    });
  }

  get liveTurns(): number {
    return this.#live.size;
  }

  /**
   * Claims and starts a turn. Throws `ProtocolError`: idempotency_conflict, turn_in_progress, queue_full, stale_base,
   * input_too_large, session_not_found, store_unavailable, draining.
   */
  async submit(session: Session, frame: TurnFrame, who: TurnRecord['who']): Promise<Submitted> {
    // its socket may be gone before the claim is answered; the turn still belongs to this session's one object
    session.holds++;
    try {
      return await this.#submit(session, frame, who);
    } finally {
      session.holds--;
      if (session.idle) this.#options.sessionSettled(session);
    }
  }

  async #submit(session: Session, frame: TurnFrame, who: TurnRecord['who']): Promise<Submitted> {
    if (this.#draining)
      throw new ProtocolError('draining', 'This node is going away; send the turn on another connection.');
    const { id: turn, t: _type, s: _alias, ref: _ref, ...rest } = frame;
    const input = wellFormed(frame.input);
    checkInput(input, this.#options.limits);
    const format = frame.params?.responseFormat ?? session.settings.params?.responseFormat;
    const problem = format?.type === 'json_schema' ? schemaProblem(format.schema) : undefined;
    if (problem !== undefined)
      throw new ProtocolError('invalid_frame', `turn: “params.responseFormat.schema” cannot be used: ${problem}.`);
    const record: TurnRecord = {
      turn,
      fingerprint: fingerprintOf({ ...frame, input }),
      frame: { id: turn, ...rest, input },
      who,
      acceptedAt: this.#options.clock.wall(),
      node: this.#options.node,
    };
    const created = await this.#createTurn(session, record);
    await this.#admit(session, created);
    // one after another per session, so that accepts are placed in the order of the store
    const claimed = session.claims.then(() => this.#claim(session, created));
    session.claims = claimed.then(
      () => {},
      () => {},
    );
    return this.#withReservation(created, claimed);
  }

  /** Reserves what a turn takes of its limits. One that is sent again has its reservation. Throws `ProtocolError`. */
  async #admit(session: Session, turn: Turn): Promise<void> {
    if (session.turns.has(turn.id)) return;
    const { accounting, limits } = this.#options;
    const ceiling = accounting.ceilingOf({ spender: turn.record.who, ...session.key }, 'maxInputTokens');
    if (ceiling !== undefined && turn.inputTokens > ceiling.max)
      throw new ProtocolError('input_too_large', `A turn may have ${ceiling.max} tokens of input here; shorten it.`);
    const refusal = await turn.admit(() =>
      estimateWindow(this.#contextOf(session), session.settings, {
        tools: turn.frame.tools ?? session.settings.tools,
        inputTokens: turn.inputTokens,
        maxTokens: session.settings.window?.maxTokens ?? limits.windowTokens,
        count: turn.tokens.count,
      }),
    );
    if (refusal === undefined) return;
    // one that was taken before is joined, whatever its asker may spend now; its account may be settled and forgotten
    const known = await this.#options.store.readTurn(session.key, turn.id).catch(() => undefined);
    if (known === undefined) throw errorOf(refusal);
  }

  /** Gives back what was reserved for a turn that was not taken; should the answer be lost, it lapses or the turn has it. */
  async #withReservation(turn: Turn, claimed: Promise<Submitted>): Promise<Submitted> {
    const giveBack = (): void => {
      turn.account?.cancel().catch((error: unknown) => {
        this.#options.logger.warn({ turn: turn.id, error }, 'a reservation could not be given back; it lapses');
      });
    };
    try {
      const submitted = await claimed;
      if (turn.position !== undefined) return submitted;
      // whoever has the turn has its reservation, too
      if (submitted.outcome === 'known' && submitted.existing.state === 'finished') giveBack();
      else turn.account?.handOff();
      return submitted;
    } catch (error) {
      const isUnknown = error instanceof ProtocolError && error.code === 'store_unavailable';
      if (isUnknown) turn.account?.handOff();
      else if (turn.position === undefined) giveBack();
      throw error;
    }
  }

  async #createTurn(session: Session, record: TurnRecord): Promise<Turn> {
    const { input } = record.frame;
    const { router, tokensFor } = this.#options;
    const tokens = tokensFor(modelToCountFor(router, routeRequestOf(session.key, session.settings, record)));
    const counted = await tokens.countSliced(inputText(input));
    const inputTokens = counted + tokensBesideText(userMessage(input));
    return new Turn(this.#environment, session, record, tokens, inputTokens);
  }

  /** Answers a cancel; the end follows as `turn.ended`. `after`: the position that the answer must not overtake. */
  async cancel(
    session: Session,
    turnId: string,
    reason: string | undefined,
    heard: number | undefined,
  ): Promise<CancelAnswer> {
    await session.claims;
    const turn = this.#live.of(session, turnId);
    if (turn === undefined) return this.#cancelUnknown(session, turnId, reason, heard);
    return this.#cancelKnown(session, turn, reason, heard);
  }

  #cancelKnown(session: Session, turn: Turn, reason: string | undefined, heard: number | undefined): CancelAnswer {
    if (turn.isAbandoned) throw handedOver();
    const upstream = turn.hasUpstreamCall ? 'aborting' : 'not_started';
    const isCancelled = turn.end({ status: 'cancelled', reason: reason ?? 'cancelled', heard });
    // of a turn that has just ended by itself, too, the last deltas may still be on their way
    return { upstream: isCancelled ? upstream : 'ended', after: session.log.head - 1 };
  }

  /** Throws `turn_not_found`, `tool_call_unknown` or `draining`; `ignored` when the call was closed before. */
  async toolResult(
    session: Session,
    turnId: string,
    call: string,
    output: unknown,
    error: string | undefined,
  ): Promise<'taken' | 'ignored'> {
    const turn = this.#live.of(session, turnId);
    if (turn === undefined) {
      const stored = await this.#options.store.readTurn(session.key, turnId);
      if (stored === undefined) throw new ProtocolError('turn_not_found', 'There is no such turn in this session.');
      return 'ignored';
    }
    if (turn.isAbandoned) throw handedOver();
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
    const phase = this.#live.of(session, turn)?.machine.phase;
    if (phase === undefined || phase === 'claimed') return 'routing';
    return phase === 'ending' ? 'streaming' : phase;
  }

  /** How a turn that has not ended began, as far as this node knows it and clients may. */
  beginningOf(session: Session, turn: string): LogEvent[] | undefined {
    if (!session.turns.has(turn) && !session.remoteTurns.has(turn)) return undefined;
    const isShown = (event: LogEvent): boolean => endOf(event) <= session.log.durable;
    return session.log
      .eventsOf(turn)
      .filter((event) => (event.t === 'turn.accepted' || event.t === 'turn.routed') && isShown(event));
  }

  /** Stops everything of a session that is being erased. */
  abandon(session: Session, reason: 'erased' | 'lease_lost' = 'erased'): void {
    session.erased = true;
    this.#summariser.stop(session);
    this.#live.abandon(session, reason);
    session.forgetTurns();
    this.#contexts.delete(session);
  }

  /** Whether the turns that a node left in a session go on here: as the route of the running one says. */
  goesOnWith(orphan: OrphanedSession): boolean {
    return this.#handOver.goesOnWith(orphan);
  }

  /** Goes on with the turns that a node which is gone left in a session. Rejects with `StoreError`. */
  async adopt(session: Session, orphan: OrphanedSession): Promise<void> {
    session.holds++;
    const adopted = session.claims.then(() => this.#handOver.adopt(session, orphan));
    session.claims = adopted.catch(() => {});
    await adopted.finally(() => session.holds--);
    if (session.idle) this.#options.sessionSettled(session);
  }

  /**
   * Refuses new turns; after `graceMs` leaves those that can go on elsewhere to another node, if there is one, and ends
   * the rest as `interrupted`. Resolves when none is left, or when the store does not take the ends either: they are
   * then found unfinished at the next start.
   */
  async drain(graceMs: number, mayHandOver: () => Promise<boolean> = () => Promise.resolve(false)): Promise<void> {
    this.#draining = true;
    this.#handOver.drain();
    this.#summariser.drain();
    const { clock, logger } = this.#options;
    const deadlineMs = clock.now() + graceMs;
    let isHandedOver = false;
    while (this.#live.size > 0) {
      if (clock.now() >= deadlineMs) {
        if (!isHandedOver && (await mayHandOver())) await this.#handOver.leaveToOthers();
        isHandedOver = true;
        this.#live.endAll({ status: 'interrupted', reason: 'shutdown', message: 'The node was shut down.' });
      }
      if (clock.now() >= deadlineMs + endGraceMs) {
        logger.error({ turns: this.#live.size }, 'turns could not be ended before the stop; the next start ends them');
        return;
      }
      await new Promise((resolve) => clock.setTimer(() => resolve(undefined), 20));
    }
  }

  async #claim(session: Session, turn: Turn): Promise<Submitted> {
    mustExist(session);
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
    record.order = ++this.#order;
    const result = await store.claim({
      record,
      onBusy: onBusyOf(session, record),
      base: record.frame.base,
      liveHead: session.turns.size > 0 ? session.log.durable : undefined,
      maxQueuedTurns: limits.maxQueuedTurns,
      ...session.key,
    });
    mustExist(session);
    switch (result.outcome) {
      case 'running':
        await this.#catchUp(session, result.pos);
        await this.#checkVersion(session, result.version);
        mustExist(session);
        await this.#mustFit(session, result.pos);
        mustExist(session);
        this.#live.accept(session, turn, result.pos);
        this.#live.setRunnable(session, turn.id);
        this.#options.turnRuns?.(session);
        if (result.tombstoned) this.#live.endTombstoned(turn);
        else turn.start();
        return { outcome: 'accepted' };
      case 'queued':
      case 'replacing':
        // it waits for one that has its place before it, which this node may not know
        await this.#lostClaims.takeUpBefore(session, turn.id);
        mustExist(session);
        this.#live.accept(session, turn, undefined);
        turn.queue(result.outcome === 'queued' ? result.ahead : 1);
        if (result.tombstoned) this.#live.endTombstoned(turn);
        if (result.outcome === 'replacing') this.#live.supersede(session, result.superseded, turn.id);
        this.#live.runnableOf(session)?.start();
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

  /** The store places turns after everything that it has of the session. */
  async #mustFit(session: Session, position: number): Promise<void> {
    if (session.log.head === position) return;
    if (session.log.durable <= position)
      throw new Error(`the store placed a turn at ${position}, the session at ${session.log.head}`);
    const stored = await this.#options.store.readSession(session.key);
    // erased and made anew by way of another node, of which this one has not heard
    if (stored?.epoch !== session.storedEpoch) throw new ProtocolError('session_not_found', 'The session was erased.');
    this.#options.storeForgot?.(true);
    throw new StoreLossError();
  }

  /** Turns that ran on other nodes meanwhile are in the store. */
  async #catchUp(session: Session, position: number): Promise<void> {
    if (session.log.head >= position) return;
    const stored = await this.#options.store.readSession(session.key);
    if (stored !== undefined) session.finishedTurns = stored.turns;
    session.catchUp(position);
  }

  /** Settings, pins or older turns were changed by way of another node, whose message did not come, or has yet to. */
  async #checkVersion(session: Session, version: number | undefined): Promise<void> {
    if (version === session.version) return;
    try {
      const stored = await this.#options.store.readSession(session.key);
      if (stored !== undefined) session.refresh(stored);
    } catch (error) {
      // the turn is claimed and has to run: with what is known
      this.#options.logger.warn({ session: session.key.session, error }, 'the changes of a session could not be read');
    }
  }

  /** Goes on with a turn that the store holds for this node, as if its claim had just been answered. */
  async #takeUp(session: Session, record: TurnRecord, isRunning: boolean): Promise<Turn | undefined> {
    const turn = await this.#createTurn(session, record);
    if (record.pos !== undefined) {
      await this.#catchUp(session, record.pos);
      await this.#mustFit(session, record.pos);
    }
    if (session.erased || session.turns.has(turn.id)) return undefined;
    this.#live.accept(session, turn, record.pos);
    this.#options.turnRuns?.(session);
    if (isRunning) this.#live.setRunnable(session, turn.id);
    if (record.tombstoned === true) {
      this.#live.endTombstoned(turn);
      return turn;
    }
    if (isRunning) {
      turn.start();
      return turn;
    }
    turn.queue(1);
    if (onBusyOf(session, record) === 'replace') this.#live.supersedeBefore(session, turn);
    this.#live.runnableOf(session)?.start();
    return turn;
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
      return { upstream: 'ended', after: session.log.head - 1 };
    }
    // claimed, perhaps without an answer
    await this.#lostClaims.look(session);
    const turn = this.#live.of(session, turnId);
    return turn === undefined
      ? { upstream: 'ended', after: session.log.head - 1 }
      : this.#cancelKnown(session, turn, reason, heard);
  }

  #turnEnded(turn: LiveTurn, session: Session, next: string | undefined): void {
    this.#live.delete(turn as Turn);
    this.#options.turnStored?.(session);
    if (next !== undefined) this.#live.setRunnable(session, next);
    this.#live.runnableOf(session)?.start();
    // its claim is still being answered, or never will be
    if (next !== undefined && !session.turns.has(next)) void this.takeUpLost(session);
    this.#summariser.turnEnded(session, (turn as Turn).record.who);
    session.trim();
    if (session.turns.size === 0) this.#options.sessionSettled(session);
  }

  #contextOf(session: Session): SessionContext {
    const known = this.#contexts.get(session);
    if (known?.foreignChanges === session.foreignChanges) return known.context;
    const context = new SessionContext(this.#options.store, session.key, session.storedEpoch);
    this.#contexts.set(session, { context, foreignChanges: session.foreignChanges });
    return context;
  }
}

/** Nothing lets go of a turn that enters a session which was let go of before. */
function mustExist(session: Session): void {
  if (session.erased) throw new ProtocolError('session_not_found', 'The session was erased.');
}

/** Another node goes on with the turn, and takes what is sent there. */
function handedOver(): ProtocolError {
  return new ProtocolError(
    'draining',
    'This node is going away and left the turn to another; send it on another connection.',
  );
}
