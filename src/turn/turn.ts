import type { Usage } from '../../protocol/frames/common.ts';
import type { Source, TurnFrame, TurnRouted, TurnState } from '../../protocol/frames/turn.ts';
import { messageTokens } from '../context/message-tokens.ts';
import { answerMessages, inputText } from '../context/turn-messages.ts';
import type { Refusal } from '../limits/refusal.ts';
import type { TurnAccount } from '../limits/turn-account.ts';
import type { Window } from '../context/window.ts';
import type { AttemptReport } from '../routing/attempt.ts';
import type { RouteDecision, Target } from '../routing/contract.ts';
import { endOfAll, type LogEvent, type LogEventOf } from '../session/log-event.ts';
import type { LiveTurn, Session } from '../session/session.ts';
import type { StoredAccount } from '../store/account-contract.ts';
import type { TurnRecord } from '../store/contract.ts';
import type { FinishReason } from '../upstream/contract.ts';
import { continuationOf } from './continuation.ts';
import type { Ending, ModelTokens, TurnEnvironment } from './contract.ts';
import { addRows, lostCall } from './lost-call.ts';
import { contentRefused, endingOf, nodeLost, tooLong, unpaid } from './endings.ts';
import { OpenCalls } from './open-calls.ts';
import { prepareWindow } from './prepare-window.ts';
import { routeTurn, stillAllowed } from './route-turn.ts';
import { settleTurn } from './settle-turn.ts';
import { TurnMachine } from './turn-machine.ts';
import { type DeltaKind, minimum, TurnOutput } from './turn-output.ts';
import { TurnSpending } from './turn-spending.ts';
import { TurnTimers } from './turn-timers.ts';
import { TurnUsage } from './turn-usage.ts';
import { type RoundHost, UpstreamRound } from './upstream-round.ts';

/**
 * One turn from its claim to its end. Whoever ends it first (completion, cancel, limit, failure, drain) decides how;
 * everything else then finds it over. One AbortSignal, with the reason, reaches the upstream.
 */
export class Turn implements LiveTurn {
  readonly id: string;
  readonly session: Session;
  readonly record: TurnRecord;
  /** Tokens of the input as windows hold it. */
  readonly inputTokens: number;
  readonly machine = new TurnMachine();
  readonly usage = new TurnUsage();
  position: number | undefined;
  output: TurnOutput | undefined;
  decision: RouteDecision | undefined;
  tokens: ModelTokens;
  acceptedMs: number;
  startedMs: number | undefined;
  firstTokenMs: number | undefined;
  /** It has no end here. */
  isAbandoned = false;
  readonly #environment: TurnEnvironment;
  readonly #controller = new AbortController();
  readonly #timers: TurnTimers;
  readonly #spending: TurnSpending;
  readonly #calls = new OpenCalls();
  #window: Window | undefined;
  #round: UpstreamRound | undefined;
  /** Where the round in the log began, for what may not hold. */
  #roundStart = 0;
  /** Key of the target that `turn.routed` named last. */
  #target: string | undefined;
  readonly #sources = new Map<string, Source>();
  #rounds = 0;
  /** The state that was told last, with the place in the queue. */
  #told = '';
  /** What a node that is gone had done of it. */
  #before: readonly LogEvent[] = [];

  constructor(
    environment: TurnEnvironment,
    session: Session,
    record: TurnRecord,
    tokens: ModelTokens,
    inputTokens: number,
  ) {
    this.id = record.turn;
    this.session = session;
    this.record = record;
    this.tokens = tokens;
    this.inputTokens = inputTokens;
    this.#environment = environment;
    this.acceptedMs = environment.clock.now();
    this.#timers = new TurnTimers(environment.clock);
    this.#spending = new TurnSpending(environment, session, record);
  }

  /** From the turn's admission on, or where its answer begins. */
  get account(): TurnAccount | undefined {
    return this.#spending.account;
  }

  /**
   * Reserves what the turn takes of its limits, before it is claimed; the reason where it may not begin. `estimate` is asked for the
   * tokens of its window where they matter.
   */
  async admit(estimate: () => Promise<number>): Promise<Refusal | undefined> {
    let decision: RouteDecision;
    try {
      decision = this.#route();
    } catch {
      // told when it runs
      return undefined;
    }
    return this.#spending.cover(decision, estimate);
  }

  /** The turn is in its session's log at `position`; from now on it may end. */
  accepted(position: number): void {
    this.position = position;
    this.acceptedMs = this.#environment.clock.now();
    const { deadlineMs } = this.record.frame;
    if (deadlineMs === undefined) return;
    this.#timers.set('deadline', deadlineMs, () => {
      this.end({ status: 'limited', reason: 'deadline', message: `The turn did not end within ${deadlineMs} ms.` });
    });
  }

  get frame(): TurnRecord['frame'] {
    return this.record.frame;
  }

  get hasUpstreamCall(): boolean {
    return this.#round?.hasCall === true;
  }

  /** Citations, each address once. */
  get sources(): Source[] {
    return [...this.#sources.values()];
  }

  /** Waits for its place; `ahead` turns are before it. */
  queue(ahead: number): void {
    this.machine.enter('queued');
    this.#tellState('queued', ahead);
  }

  /** Runs the pipeline: window, route, upstream. Only the first call does anything. */
  start(): void {
    if (this.startedMs !== undefined || this.machine.isOver) return;
    this.machine.enter('routing');
    this.startedMs = this.#environment.clock.now();
    void this.#prepare().catch((error: unknown) => this.#fail(error));
  }

  /**
   * Takes over what a node that is gone had done, `events` being the turn's durable ones: however it ends, that is accounted
   * and its calls are closed. Once started it goes on from there, or ends as `interrupted` where that is not possible.
   */
  restore(events: readonly LogEvent[], account?: StoredAccount): void {
    this.#before = events;
    this.#spending.before = account;
    const routed = events.findLast((event) => event.t === 'turn.routed');
    if (routed?.t !== 'turn.routed') return;
    this.tokens = this.#environment.tokensFor(routed.model);
    this.#createOutput();
    this.#takeUp(routed);
  }

  /** Ends the turn unless something else did before; answers whether this call did. */
  end(ending: Ending): boolean {
    if (this.machine.isOver) return false;
    this.#stop(ending.status === 'completed' ? undefined : (ending.reason ?? ending.status));
    for (const call of this.#calls.ids)
      this.#closeCall(call, undefined, `The turn ended before the tool answered: ${ending.status}.`);
    void settleTurn(this.#environment, this, ending);
    return true;
  }

  /** Lets go of everything without an end: the session is erased, or another node goes on with it. */
  abandon(reason: string): void {
    if (this.machine.isOver) return;
    this.isAbandoned = true;
    this.output?.stop();
    this.#stop(reason);
    this.finalUsage();
    const stored = reason === 'erased' ? this.account?.settle() : this.account?.leave();
    stored?.catch((error: unknown) => {
      this.#environment.logger.error({ turn: this.id, error }, 'what a turn spent could not be stored');
    });
  }

  attachmentsChanged(attached: number): void {
    if (this.machine.isOver) return;
    if (attached > 0) return this.#timers.cancel('detached');
    const { limits } = this.#environment;
    const asked = this.frame.onDetach ?? this.session.settings.onDetach;
    const keepMs = Math.min(asked?.keepMs ?? limits.keepMs, limits.maxKeepMs);
    this.#timers.set('detached', keepMs, () => {
      this.end({ status: 'cancelled', reason: 'detached', message: 'Nobody was attached any more.' });
    });
  }

  /** The client's result of a tool call; the turn goes on when none is open. */
  toolResult(call: string, output: unknown, error: string | undefined): 'taken' | 'already_closed' | 'unknown' {
    if (this.machine.isOver) return 'already_closed';
    const outcome = this.#closeCall(call, output, error);
    if (outcome !== 'closed') return outcome;
    if (this.#calls.size === 0) this.#continue();
    return 'taken';
  }

  /** Usage of all upstream calls, the one that was cut short included. */
  finalUsage(): Usage {
    this.#closeRound();
    return this.usage.total(this.tokens.exact);
  }

  /** `abortReason`: why what still runs is aborted; absent when nothing does. */
  #stop(abortReason: string | undefined): void {
    this.machine.enter('ending');
    this.#timers.cancelAll();
    this.output?.flush();
    this.output?.stop();
    if (abortReason !== undefined) this.#controller.abort(abortReason);
  }

  async #prepare(): Promise<void> {
    const routed = this.#before.findLast((event) => event.t === 'turn.routed');
    const decision = routed?.t === 'turn.routed' ? this.#routeAgain(routed) : this.#route();
    // its node was lost when its end was decided
    if (decision === undefined || this.#spending.before?.isSettled === true) return void this.end(nodeLost);
    this.decision = decision;
    if (this.account === undefined) this.#spending.open(decision);
    this.tokens = this.#environment.tokensFor(decision.model);
    if (this.output === undefined) this.#createOutput();
    const continuation = continuationOf(this.#before, decision.upstream.acceptsPrefix === true);
    if (continuation === undefined) return void this.end(nodeLost);
    const window = await prepareWindow(this.#environment, this, this.#tools());
    if (this.machine.isOver) return;
    this.#window = window;
    this.#target = routed?.t === 'turn.routed' ? `${routed.upstream}/${routed.model}` : undefined;
    if (continuation.kind !== 'tools') return this.#callUpstream(continuation.kind === 'prefix');
    this.#spending.boundOutput();
    this.machine.enter('waiting');
    this.#waitForResults();
  }

  #route(): RouteDecision {
    const { router } = this.#environment;
    const facts = { text: inputText(this.frame.input), inputTokens: this.inputTokens };
    return routeTurn(router, this.session, this.record, facts);
  }

  /** Undefined when what the other node had chosen is not configured here. */
  #routeAgain({ upstream, model, route }: LogEventOf<'turn.routed'>): RouteDecision | undefined {
    return stillAllowed(this.#environment.router.again(upstream, model, route), this.record);
  }

  /** Accounts what the other node did, and knows the calls that it opened. */
  #takeUp(routed: LogEventOf<'turn.routed'>): void {
    const output = this.output!;
    const rounds = output.replay(this.#before);
    const continuation = continuationOf(this.#before, true);
    const calls = this.#before.filter((event) => event.t === 'tool.call').map(({ call }) => call);
    const open = continuation?.kind === 'tools' ? continuation.open : [];
    const closed = calls.filter((call) => !open.includes(call));
    this.#calls.restore(open, closed);
    if (output.tokens > 0) this.#rounds = rounds;
    const account = this.#spending.open(this.#routeAgain(routed));
    addRows(this.usage, this.#spending.before);
    const { tokens, reasoningTokens } = output;
    const said = { routed, output: tokens, reasoning: reasoningTokens, isExact: this.tokens.exact };
    const lost = lostCall(said, this.#spending.before);
    if (lost === undefined) return;
    this.usage.add(undefined, lost.counted);
    const price = this.#environment.accounting.priceOf({ upstream: { name: routed.upstream }, model: routed.model });
    account.end({ input: lost.counted.input, price }, lost.report);
  }

  #createOutput(): void {
    const { session } = this;
    this.output = new TurnOutput({
      createCounter: () => this.tokens.createCounter(),
      emit: (kind, text, tokens) => {
        session.appendDelta(this.id, kind === 'text' ? undefined : kind, text, tokens);
        if (this.#spending.shown(tokens)) this.#askForMore();
      },
      atLimit: () => {
        if (this.output!.maxTokens >= this.#spending.mostOutput) return 'cut';
        this.#askForMore();
        return 'wait';
      },
      onCut: () => {
        const { refusal } = this.#spending;
        this.end(refusal === undefined ? tooLong : unpaid(refusal));
      },
    });
    this.output.maxTokens = this.#spending.mostOutput;
    this.#spending.output = this.output;
  }

  #askForMore(): void {
    this.#spending.askForMore(() => this.machine.isOver).catch((error: unknown) => this.#fail(error));
  }

  async #callUpstream(continuesAnswer = false): Promise<void> {
    const { frame, session } = this;
    this.machine.enter('waiting');
    this.#tellState('waiting');
    this.#rounds++;
    const events = session.log.eventsOf(this.id);
    const own = this.#rounds === 1 && !continuesAnswer ? [] : answerMessages(events, undefined, true);
    const ownTokens = own.reduce((sum, message) => sum + messageTokens(message, this.tokens.count), 0);
    this.#roundStart = continuesAnswer ? startOfRound(events) : session.log.head;
    const inputTokens = (this.#window?.report.tokens ?? 0) + ownTokens;
    this.account!.claimed();
    const refusal = await this.#spending.cover(this.decision!, () => inputTokens);
    if (this.machine.isOver) return;
    if (refusal !== undefined) return void this.end(unpaid(refusal));
    this.#spending.boundOutput();
    this.#round = new UpstreamRound(this.#environment, this.#host(), {
      decision: this.decision!,
      messages: [...(this.#window?.messages ?? []), ...own],
      inputTokens,
      params: { ...session.settings.params, ...frame.params },
      maxOutputTokens: minimum(frame.limits?.maxOutputTokens, this.#spending.allowedOutput),
      tools: this.#tools(),
      continuesAnswer,
      isFollowUp: this.#rounds > 1,
      stay: this.#target,
    });
    this.#round.start();
  }

  #host(): RoundHost {
    const { session } = this;
    return {
      turn: this.id,
      key: session.key,
      who: this.record.who,
      output: this.output!,
      usage: this.usage,
      account: this.account!,
      bounded: () => this.#spending.boundOutput(),
      signal: this.#controller.signal,
      queued: (ahead) => this.#tellState('queued', ahead),
      goesTo: (target, because) => this.#guard(() => this.#goesTo(target, because)),
      said: (kind, text) => this.#take(kind, text),
      restarted: (reason) =>
        this.#guard(() => session.append({ t: 'turn.restarted', turn: this.id, from: this.#roundStart, reason })),
      answered: (finish, round) => this.#guard(() => this.#answered(finish, round)),
      failed: (error) => this.#guard(() => this.#fail(error)),
      attempted: (report) => this.#attempted(report),
      guard: (action) => this.#guard(action),
    };
  }

  #goesTo(target: Target, because: TurnRouted['because']): void {
    const { key, upstream, model } = target;
    if (this.machine.isOver || this.#window === undefined) return;
    this.#spending.goesTo(target);
    if (key === this.#target) return;
    const isFirst = this.#target === undefined;
    this.#target = key;
    this.tokens = this.#environment.tokensFor(model);
    const { route, variant, degraded } = this.decision!;
    const { report, sent } = this.#window;
    this.session.append({
      t: 'turn.routed',
      turn: this.id,
      upstream: upstream.name,
      model,
      window: report,
      ...(route === undefined ? {} : { route }),
      ...(isFirst || because === undefined ? {} : { because }),
      ...(variant === undefined ? {} : { variant }),
      ...(degraded.length === 0 ? {} : { degraded: [...degraded] }),
      sent,
    });
    // it may have waited for a place
    if (isFirst) this.#tellState('waiting');
  }

  #attempted({ hidden: _hidden, ...report }: AttemptReport): void {
    const { tenant, session } = this.session.key;
    this.#environment.logger.debug({ tenant, session, turn: this.id, ...report }, 'upstream call ended');
  }

  #take(kind: DeltaKind, text: string): void {
    try {
      if (this.machine.phase === 'waiting') {
        this.machine.enter('streaming');
        this.firstTokenMs ??= this.#environment.clock.now();
      }
      this.output?.push(kind, text);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A fault in here ends this turn, and nothing else. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #answered(finish: FinishReason, round: UpstreamRound): void {
    if (this.machine.isOver) return;
    this.#closeRound();
    if (round.calls.length > 0) return this.#openCalls(round);
    if (finish === 'length') {
      // it was asked for no more than is paid for
      const refusal = this.account?.isAtEnd === true ? this.account.limitReached : undefined;
      this.end(refusal === undefined ? tooLong : unpaid(refusal));
    } else if (finish === 'content_filter') {
      this.end(contentRefused);
    } else {
      this.end({ status: 'completed' });
    }
  }

  #openCalls({ calls, native }: UpstreamRound): void {
    const { limits } = this.#environment;
    if (this.#rounds > limits.maxToolRounds) {
      this.end({
        status: 'limited',
        reason: 'tool_rounds',
        message: `The turn called tools more than ${limits.maxToolRounds} times.`,
      });
      return;
    }
    for (const [i, call] of calls.entries()) {
      const id = this.#calls.open(call);
      const event = { t: 'tool.call', turn: this.id, call: id, name: call.name, arguments: call.arguments } as const;
      this.session.append(i === 0 && native !== undefined ? { ...event, native } : event);
    }
    this.#waitForResults();
  }

  #waitForResults(): void {
    const { limits } = this.#environment;
    this.machine.enter('tool');
    this.#tellState('tool');
    this.#timers.set('tool', limits.toolMs, () => {
      this.end({
        status: 'limited',
        reason: 'tool_timeout',
        message: `A tool call was not answered within ${limits.toolMs} ms.`,
      });
    });
  }

  #closeCall(call: string, output: unknown, error: string | undefined): 'closed' | 'already_closed' | 'unknown' {
    const outcome = this.#calls.close(call);
    if (outcome !== 'closed') return outcome;
    this.session.append({ t: 'tool.result', turn: this.id, call, ...(error === undefined ? { output } : { error }) });
    return outcome;
  }

  #continue(): void {
    this.#timers.cancel('tool');
    this.#callUpstream().catch((error: unknown) => this.#fail(error));
  }

  /** Accounts the calls that are over or were cut short. */
  #closeRound(): void {
    const round = this.#round;
    if (round === undefined) return;
    this.#round = undefined;
    round.close();
    for (const source of round.sources) this.#sources.set(source.url, source);
  }

  #fail(error: unknown): void {
    if (this.machine.isOver) return;
    const ending = endingOf(error);
    if (ending !== undefined) return void this.end(ending);
    this.#environment.logger.error(
      { turn: this.id, session: this.session.key.session, error },
      'a turn failed unexpectedly',
    );
    this.end({
      status: 'failed',
      reason: 'internal',
      message: 'The gateway failed; the operator finds the cause in its log.',
    });
  }

  #tools(): TurnFrame['tools'] {
    return this.frame.tools ?? this.session.settings.tools ?? undefined;
  }

  #tellState(state: TurnState['state'], place?: number): void {
    const told = place === undefined ? state : `${state} ${place}`;
    if (told === this.#told) return;
    this.#told = told;
    this.session.broadcast((s) => ({ t: 'turn.state', s, turn: this.id, state, place }));
  }
}

/** Position of the first thing said in the round that these events end with. */
function startOfRound(events: readonly LogEvent[]): number {
  const before = events.findLastIndex(({ t }) => t === 'tool.result' || t === 'turn.restarted');
  return events.slice(before + 1).find(({ t }) => t === 'delta')?.pos ?? endOfAll(events);
}
