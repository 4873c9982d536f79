import { messageOverheadTokens, toolDefinitionTokens } from '../context/message-tokens.ts';
import { planFold } from '../context/plan-fold.ts';
import type { SessionContext } from '../context/session-context.ts';
import { foldMessages, summaryInstructions } from '../context/summary-text.ts';
import { type WindowTurn, windowTurnOf } from '../context/window-turn.ts';
import type { Session } from '../session/session.ts';
import type { TurnAccount } from '../limits/turn-account.ts';
import type { StoredSummary, TurnRecord } from '../store/contract.ts';
import { askSummary } from './ask-summary.ts';
import type { SummarySettings, TurnEnvironment } from './contract.ts';
import { modelToCountFor, routeRequestOf } from './route-turn.ts';

export type SummariserOptions = Pick<
  TurnEnvironment,
  'store' | 'clock' | 'logger' | 'router' | 'dispatcher' | 'limits' | 'tokensFor' | 'accounting' | 'contextOf'
> & {
  summary: SummarySettings;
  /** A summary was stored; other nodes are told. */
  summaryMade(session: Session): void;
  /** The session is not needed any more for this. */
  sessionSettled(session: Session): void;
};

interface State {
  /** Set while a summary is being made. */
  controller: AbortController | undefined;
  failed: boolean;
}

/** Entries read at a time, and folded in by one call at most. */
const pageEntries = 64;

/**
 * Folds older turns of sessions with policy `summary` into their rolling summary: after a turn has ended, one at a time
 * per session, never in the way of the next turn, which takes what is there.
 */
export class Summariser {
  readonly #options: SummariserOptions;
  readonly #states = new WeakMap<Session, State>();
  readonly #running = new Set<AbortController>();
  #draining = false;

  constructor(options: SummariserOptions) {
    this.#options = options;
  }

  /** Whether the last attempt failed; the next one is made after the next turn. */
  hasFailed(session: Session): boolean {
    return this.#states.get(session)?.failed ?? false;
  }

  /** `who` asked for the turn, and pays for the summary. */
  turnEnded(session: Session, who: TurnRecord['who']): void {
    if (this.#draining || session.erased || session.settings.window?.policy !== 'summary') return;
    let state = this.#states.get(session);
    if (state === undefined) this.#states.set(session, (state = { controller: undefined, failed: false }));
    if (state.controller === undefined) void this.#run(session, state, who);
  }

  /** The session is being erased. */
  stop(session: Session): void {
    this.#states.get(session)?.controller?.abort('erased');
  }

  /** Stops what is under way; nothing is begun any more. */
  drain(): void {
    this.#draining = true;
    for (const controller of this.#running) controller.abort('shutdown');
  }

  async #run(session: Session, state: State, who: TurnRecord['who']): Promise<void> {
    const controller = new AbortController();
    state.controller = controller;
    this.#running.add(controller);
    session.holds++;
    try {
      // a session that has just got this policy takes several rounds
      while (await this.#fold(session, controller.signal, who)) state.failed = false;
    } catch (error) {
      if (!controller.signal.aborted) {
        state.failed = true;
        const { tenant, session: id } = session.key;
        this.#options.logger.warn({ tenant, session: id, error }, 'a summary failed; windows slide until one is made');
      }
    } finally {
      this.#running.delete(controller);
      state.controller = undefined;
      session.holds--;
      if (session.idle) this.#options.sessionSettled(session);
    }
  }

  /** Folds one page of turns in; false when there is nothing to do. */
  async #fold(session: Session, signal: AbortSignal, who: TurnRecord['who']): Promise<boolean> {
    const { store, clock, logger, router, limits, tokensFor, accounting, contextOf, summary: asked } = this.#options;
    const { settings, key } = session;
    if (signal.aborted || settings.window?.policy !== 'summary') return false;
    const budget = settings.window.maxTokens ?? limits.windowTokens;
    const maxTokens = Math.max(16, Math.min(asked.maxTokens, Math.floor(budget / 4)));
    const context = contextOf(session);
    const [turns, before] = await Promise.all([context.read(budget), context.readSummary()]);
    const roomTokens = budget - (await this.#fixedTokens(session, context)) - maxTokens;
    const summarisedTo = before?.end ?? 0;
    const upTo = planFold({ turns, summarisedTo, roomTokens: Math.max(roomTokens, budget / 8), after: asked.after });
    if (upTo === undefined) return false;
    const page = await store.readEntries(key, summarisedTo, pageEntries);
    const folded = firstOf(
      page.map((entry) => windowTurnOf(entry)).filter((turn) => turn.end <= upTo),
      budget / 2,
    );
    const last = folded.at(-1);
    if (last === undefined || signal.aborted) return false;
    const messages = folded.flatMap((turn) => turn.messages);
    const made: StoredSummary = {
      end: last.end,
      turns: (before?.turns ?? 0) + folded.length,
      text: before?.text ?? '',
    };
    if (messages.length > 0) {
      const startedMs = clock.now();
      const decision = router.route({ route: asked.route, model: asked.model });
      const id = `${last.turn}-summary`;
      // one that failed is made again
      const entry = `${id}-${clock.wall().toString(36)}`;
      const account = accounting.turn({ ...key, turn: entry, spender: who, maxCostUsd: undefined });
      const { text, usage } = await askSummary({
        id,
        tenant: key.tenant,
        decision,
        account,
        accounting,
        dispatcher: this.#options.dispatcher,
        tokens: tokensFor(decision.model),
        messages: foldMessages(asked.prompt ?? summaryInstructions, maxTokens, before?.text, messages, 4 * budget),
        maxTokens,
        timeoutMs: asked.timeoutMs,
        clock,
        signal,
      }).finally(() => this.#settle(account));
      made.text = text;
      const ms = Math.round(clock.now() - startedMs);
      const { upstream, model } = decision;
      const about = { ...key, upstream: upstream.name, model, turns: folded.length, usage, ms };
      logger.info(about, 'a summary was made');
    }
    if (signal.aborted) return false;
    // not stored: another node was faster
    const isStored = await context.writeSummary(before, made);
    contextOf(session).takeSummary(isStored ? made : undefined);
    if (isStored) this.#options.summaryMade(session);
    return isStored;
  }

  #settle(account: TurnAccount): void {
    account
      .settle()
      .then(() => account.forget())
      .catch((error: unknown) => this.#options.logger.error({ error }, 'what a summary cost could not be stored'));
  }

  /** Tokens of every window beside the turns, the summary and the input. */
  async #fixedTokens(session: Session, context: SessionContext): Promise<number> {
    const { router, tokensFor } = this.#options;
    const { system, tools } = session.settings;
    // rules may ask for more than a session knows of its turns
    const { count } = tokensFor(modelToCountFor(router, routeRequestOf(session.key, session.settings)));
    const pinned = await context.readPinned(session.pinned);
    const pinnedTokens = pinned.reduce((sum, turn) => sum + turn.tokens, 0);
    const systemTokens = system === undefined || system === null ? 0 : count(system) + messageOverheadTokens;
    return systemTokens + toolDefinitionTokens(tools ?? undefined, count) + pinnedTokens;
  }
}

/** The oldest of these turns, as many as have `maxTokens` tokens together, and one at least. */
function firstOf(turns: readonly WindowTurn[], maxTokens: number): readonly WindowTurn[] {
  let tokens = 0;
  const tooMany = turns.findIndex((turn, i) => (tokens += turn.tokens) > maxTokens && i > 0);
  return tooMany === -1 ? turns : turns.slice(0, tooMany);
}
