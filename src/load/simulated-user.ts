import { closeAction, type DownFrame } from '../../protocol/index.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { AttachmentCheck } from './attachment-check.ts';
import { draw, drawWhole } from './distribution.ts';
import type { InputTexts } from './input-texts.ts';
import type { OpenLoadSocket } from './load-socket.ts';
import type { Metrics } from './metrics.ts';
import type { Random } from './random.ts';
import { drawTurn, recordDelta, type RunningTurn } from './running-turn.ts';
import type { Scenario, Tenant } from './scenario.ts';
import { type MadeSession, UserConnection } from './user-connection.ts';

/** What a user needs of the run. */
export interface UserEnvironment {
  readonly scenario: Scenario;
  readonly clock: Clock;
  readonly openSocket: OpenLoadSocket;
  readonly inputs: InputTexts;
  readonly newTurnId: () => string;
  /** Of the second that runs. */
  readonly metrics: () => Metrics;
  /** Whether times of turns that were meant to begin then count: not while the load grows. */
  readonly isMeasured: (intendedMs: number) => boolean;
  /** Of the practice upstream, where texts are verified. */
  readonly verifySeed: number | undefined;
  /** Told when a turn may begin, in place of thinking; for an open loop of turns. */
  readonly onReady: ((user: SimulatedUser) => void) | undefined;
  /** The session is over; `hasFailed`: because it could not go on. */
  readonly onFinished: (user: SimulatedUser, hasFailed: boolean) => void;
}

type Attached = Extract<DownFrame, { t: 'attached' }>;
type ErrorFrame = Extract<DownFrame, { t: 'error' }>;
type TurnEnded = Extract<DownFrame, { t: 'turn.ended' }>;

/** A connection that was refused or broke is tried again after this time. */
const retryMs = 500;
/** A turn that was refused is followed by another after this time, where the gateway says no other. */
const afterRefusalMs = 250;

/** One user with one session: connects, takes its turns, loses its socket and comes back, as the scenario has it. */
export class SimulatedUser {
  readonly tenant: Tenant;
  readonly isSlow: boolean;
  readonly #environment: UserEnvironment;
  readonly #random: Random;
  readonly #check: AttachmentCheck;
  readonly #connection: UserConnection;
  #turn: RunningTurn | undefined;
  #turnsLeft: number;
  #timer: Timer | undefined;
  #isFinishing = false;
  #isFinished = false;

  constructor(environment: UserEnvironment, tenant: Tenant, random: Random) {
    this.#environment = environment;
    this.tenant = tenant;
    this.#random = random;
    const { turnsPerSession, slowReaders } = environment.scenario;
    this.#turnsLeft = turnsPerSession === undefined ? Number.POSITIVE_INFINITY : drawWhole(turnsPerSession, random, 0);
    this.isSlow = slowReaders !== undefined && random() < slowReaders.share;
    this.#check = new AttachmentCheck((name) => this.#metrics.tally('violations', name), environment.verifySeed);
    this.#connection = new UserConnection({
      environment,
      tenant,
      check: this.#check,
      isSlow: this.isSlow,
      random,
      onFrame: (frame, atMs) => this.#onFrame(frame, atMs),
      onLive: (atMs) => this.#onLive(atMs),
      onClose: (code, failure, wasLive) => this.#onClose(code, failure, wasLive),
    });
  }

  get isLive(): boolean {
    return this.#connection.isLive;
  }
  /** The session, once there is one. */
  get made(): MadeSession | undefined {
    return this.#connection.made;
  }
  get hasTurn(): boolean {
    return this.#turn !== undefined;
  }

  /** @param intendedMs from which the time to connect counts */
  start(intendedMs: number): void {
    this.#connection.open(intendedMs);
  }

  beginTurn(intendedMs: number): void {
    this.#turnsLeft--;
    this.#turn = drawTurn(this.#environment, this.#random, intendedMs);
    this.#metrics.counts.turnsStarted++;
    if (this.isLive) this.#sendTurn(this.#turn);
  }

  /** Ends the running turn, if there is one that was accepted. */
  cancel(): void {
    const turn = this.#turn;
    if (turn === undefined || !turn.isAccepted || turn.cancelledMs !== undefined || !this.isLive) return;
    turn.cancelledMs = this.#environment.clock.now();
    const heard = this.#environment.scenario.cancel?.heard === true ? this.#check.middleOf(turn.id) : undefined;
    this.#connection.send({ t: 'cancel', ref: 3, s: 0, turn: turn.id, ...(heard === undefined ? {} : { heard }) });
    this.#metrics.counts.cancels++;
  }

  /** Loses the socket and comes back with the cursor. */
  reconnect(awayMs: number): void {
    if (!this.isLive || this.#isFinishing) return;
    this.#connection.drop();
    this.#after(awayMs, () => this.#connection.open(this.#environment.clock.now()));
  }

  /** No more turns; leaves when the running one is over. */
  finish(): void {
    this.#isFinishing = true;
    if (this.#turn === undefined) this.#leave();
  }

  /** Leaves at once. Answers whether a turn was running. */
  abandon(): boolean {
    const wasRunning = this.#turn !== undefined;
    this.#turn = undefined;
    this.#connection.drop();
    this.#leave();
    return wasRunning;
  }

  get #metrics(): Metrics {
    return this.#environment.metrics();
  }

  #onFrame(frame: DownFrame, atMs: number): void {
    switch (frame.t) {
      case 'attached':
        return this.#onAttached(frame);
      case 'delta':
        this.#check.event(frame);
        return this.#onDelta(frame.turn, frame.tokens, atMs);
      case 'turn.accepted':
        this.#check.event(frame);
        if (this.#turn?.id === frame.turn) this.#turn.isAccepted = true;
        if (this.#turn?.cancelAfter === 0) this.cancel();
        return;
      case 'turn.ended':
        this.#check.event(frame);
        return this.#onEnded(frame, atMs);
      case 'turn.routed':
      case 'turn.restarted':
      case 'tool.call':
      case 'tool.result':
        return this.#check.event(frame);
      case 'cancelling':
        this.#check.cancelling(frame.turn);
        if (this.#turn?.cancelledMs !== undefined && this.#turn.id === frame.turn && !this.isSlow)
          this.#metrics.timings.cancel.record(atMs - this.#turn.cancelledMs);
        return;
      case 'lagging':
        this.#metrics.counts.laggings++;
        return;
      case 'error':
        return this.#onError(frame);
    }
  }

  #onAttached(frame: Attached): void {
    if (frame.outcome !== 'snapshot') return;
    this.#metrics.counts.snapshots++;
    // what happened to the turn before the new beginning is not told
    if (this.#turn?.isAccepted === true && frame.live?.includes(this.#turn.id) !== true) this.#fail('lost_by_snapshot');
  }

  #onLive(atMs: number): void {
    if (this.#turn === undefined) this.#next(atMs, 0);
    else if (!this.#turn.isAccepted) this.#sendTurn(this.#turn);
  }

  #onDelta(id: string, tokens: number, atMs: number): void {
    const turn = this.#turn;
    if (turn?.id !== id) return;
    const isMeasured = !this.isSlow && this.#environment.isMeasured(turn.intendedMs);
    recordDelta(turn, { tokens, atMs, isMeasured }, this.#metrics, this.tenant.name);
    if (tokens >= turn.cancelAfter) this.cancel();
    if (tokens >= turn.dropAfter) {
      turn.dropAfter = Infinity;
      this.reconnect(draw(this.#environment.scenario.reconnect!.awayMs, this.#random));
    }
  }

  #onEnded({ turn: id, status, reason }: TurnEnded, atMs: number): void {
    const turn = this.#turn;
    if (turn?.id !== id) return;
    this.#turn = undefined;
    const metrics = this.#metrics;
    metrics.counts.turnsEnded++;
    metrics.tally('statuses', status);
    const tenant = metrics.tenant(this.tenant.name);
    tenant.turns++;
    if (status === 'failed' || status === 'interrupted') {
      metrics.tally('errors', reason ?? status);
      tenant.errors++;
    }
    // a turn that its user ends takes as long as its user likes
    if (status === 'completed' && !this.isSlow && this.#environment.isMeasured(turn.intendedMs))
      metrics.timings.turn.record(atMs - turn.intendedMs);
    this.#next(atMs, 0);
  }

  #onError({ code, ref, turn, retryable, retryAfterMs }: ErrorFrame): void {
    // the answer to a cancel that came too late
    if (ref === 3) return;
    if (ref === 2 || (turn !== undefined && turn === this.#turn?.id)) {
      this.#fail(code);
      this.#next(this.#environment.clock.now(), retryAfterMs ?? afterRefusalMs);
      return;
    }
    this.#metrics.tally('errors', code);
    this.#metrics.tenant(this.tenant.name).errors++;
    if (ref !== 1) return;
    if (retryable) this.#comeBack();
    else this.#leave(true);
  }

  /** The running turn comes to nothing. */
  #fail(code: string): void {
    if (this.#turn === undefined) return;
    this.#turn = undefined;
    this.#metrics.tally('errors', code);
    this.#metrics.tenant(this.tenant.name).errors++;
  }

  #onClose(code: number, failure: string | undefined, wasLive: boolean): void {
    if (this.#isFinished) return;
    const metrics = this.#metrics;
    if (failure !== undefined) metrics.tally('errors', wasLive ? `connection_lost:${failure}` : `connect:${failure}`);
    else metrics.tally('closes', String(code));
    if (closeAction(code) !== 'reconnect') {
      this.#fail(`closed:${code}`);
      this.#leave(true);
      return;
    }
    this.#comeBack();
  }

  #comeBack(): void {
    this.#connection.drop();
    if (this.#isFinishing && this.#turn === undefined) return this.#leave();
    this.#after(retryMs * (0.5 + this.#random()), () => this.#connection.open(this.#environment.clock.now()));
  }

  /** What comes after a turn, or after the session was opened. */
  #next(fromMs: number, waitMs: number): void {
    const { scenario, onReady, clock } = this.#environment;
    if (this.#isFinishing) return this.#leave();
    if (scenario.turnsPerSession === 0) return;
    if (this.#turnsLeft <= 0) return this.#leave();
    if (onReady !== undefined && waitMs === 0) return onReady(this);
    const dueMs = fromMs + Math.max(waitMs, onReady === undefined ? draw(scenario.thinkMs, this.#random) : 0);
    const begin = (): void => {
      if (onReady !== undefined) onReady(this);
      else if (this.#turn === undefined) this.beginTurn(dueMs);
    };
    if (dueMs <= clock.now()) begin();
    else this.#after(dueMs - clock.now(), begin);
  }

  #sendTurn(turn: RunningTurn): void {
    const { scenario } = this.#environment;
    const { outputTokens, route } = scenario;
    this.#connection.send({
      t: 'turn',
      ref: 2,
      s: 0,
      id: turn.id,
      input: turn.input,
      ...(route === undefined ? {} : { route }),
      ...(outputTokens === undefined ? {} : { params: { maxOutputTokens: drawWhole(outputTokens, this.#random, 1) } }),
    });
  }

  #after(delayMs: number, action: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#environment.clock.setTimer(action, delayMs);
  }

  #leave(hasFailed = false): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#timer?.cancel();
    this.#connection.close();
    this.#environment.onFinished(this, hasFailed);
  }
}
