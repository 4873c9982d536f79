import type { Clock } from '../lib/clock.ts';
import type { Router } from '../routing/contract.ts';
import type { Session } from '../session/session.ts';
import type { StoredAccount } from '../store/account-contract.ts';
import type { OrphanedSession, SessionKey, Store, TurnRecord } from '../store/contract.ts';
import { LeaseLostError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/contract.ts';
import { onBusyOf } from './claim-answers.ts';
import type { LiveTurns } from './live-turns.ts';
import { routeRequestOf } from './route-turn.ts';
import type { Turn } from './turn.ts';

export interface HandOverOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  router: Router;
  node: string;
  live: LiveTurns;
  createTurn(session: Session, record: TurnRecord): Promise<Turn>;
  /** Takes over what a turn may spend; answers what it has spent until now. Rejects with `StoreError`. */
  takeOverAccount(key: SessionKey, record: TurnRecord): Promise<StoredAccount | undefined>;
  /** Turns of a lost node are this node's now; `order`: of the last of their claims. */
  adopted(session: Session, order: number): void;
}

/** Between two attempts to take turns over, milliseconds. */
const adoptAgainMs = 200;

/** Time for what was said to become durable, milliseconds. */
const durableMs = 5_000;

/** Turns that go on on another node than the one that claimed them: taken from one that is gone, or left to others. */
export class HandOver {
  readonly #options: HandOverOptions;
  #draining = false;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** This node goes away itself: it takes nothing over any more. */
  drain(): void {
    this.#draining = true;
  }

  /** Whether the turns that a node left in a session go on here: as the route of the running one says. */
  goesOnWith(orphan: OrphanedSession): boolean {
    const [running] = orphan.unfinished;
    return running !== undefined && !this.#draining && this.#goesOn(running, orphan.session, orphan.session.settings);
  }

  /** Goes on with the turns that a node which is gone left in a session; no claim of it may be on its way. Throws `StoreError`. */
  async adopt(session: Session, orphan: OrphanedSession): Promise<void> {
    const { live, createTurn, adopted, takeOverAccount } = this.#options;
    const turns: Turn[] = [];
    for (const record of orphan.unfinished) turns.push(await createTurn(session, record));
    if (!(await this.#adoptInStore(orphan)) || session.erased) return;
    const accounts = await Promise.all(
      turns.map(({ record }) => this.#again(() => takeOverAccount(session.key, record))),
    );
    if (session.erased) return;
    session.restore(orphan.start, orphan.log, orphan.session.turns);
    for (const [i, turn] of turns.entries()) {
      const accepted = orphan.events.find((event) => event.turn === turn.id && event.t === 'turn.accepted');
      if (accepted === undefined) live.accept(session, turn, undefined);
      else live.enter(session, turn, accepted.pos);
      turn.restore(
        orphan.events.filter((event) => event.turn === turn.id),
        accounts[i],
      );
    }
    const [running, ...waiting] = turns;
    live.setRunnable(session, running!.id);
    for (const [i, turn] of waiting.entries()) turn.queue(i + 1);
    adopted(session, Math.max(...turns.map(({ record }) => record.order ?? 0)));
    for (const turn of turns.toReversed()) {
      if (turn.record.tombstoned === true) live.endTombstoned(turn);
      else if (onBusyOf(session, turn.record) === 'replace') live.supersedeBefore(session, turn);
    }
    running!.start();
  }

  /** Falls silent in the sessions whose running turn may go on elsewhere; what was said of them is durable then. */
  async leaveToOthers(): Promise<void> {
    const { clock, logger, live } = this.#options;
    const durable: Promise<void>[] = [];
    for (const session of live.sessions) {
      const running = live.runnableOf(session);
      if (running === undefined || !this.#goesOn(running.record, session.key, session.settings)) continue;
      live.abandon(session, 'handed_over');
      durable.push(session.whenDurable(session.log.head));
    }
    if (durable.length === 0) return;
    logger.info({ sessions: durable.length }, 'sessions with running turns are left to other nodes');
    const tooLate = new Promise((resolve) => clock.setTimer(() => resolve(undefined), durableMs));
    await Promise.race([Promise.all(durable), tooLate]);
  }

  /** Repeated until it is answered: turns that are this node's in the store and run nowhere would be nobody's. */
  async #adoptInStore(orphan: OrphanedSession): Promise<boolean> {
    const { store, node } = this.#options;
    return this.#again(() => store.adopt(orphan, node));
  }

  async #again<Result>(ask: () => Promise<Result>): Promise<Result> {
    const { clock, logger } = this.#options;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof LeaseLostError || this.#draining) throw error;
        logger.warn({ error }, 'the turns of a lost node could not be taken over yet');
        await new Promise((resolve) => clock.setTimer(() => resolve(undefined), adoptAgainMs));
      }
    }
  }

  #goesOn(record: TurnRecord, key: SessionKey, settings: Session['settings']): boolean {
    try {
      return this.#options.router.route(routeRequestOf(key, settings, record)).onCrash === 'continue';
    } catch {
      // what it asked for is not configured here any more
      return false;
    }
  }
}
