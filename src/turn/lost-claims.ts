import type { Clock } from '../lib/clock.ts';
import type { LiveTurn, Session } from '../session/session.ts';
import type { Store, TurnRecord } from '../store/contract.ts';
import { StoreLossError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/contract.ts';
import type { Ending } from './contract.ts';

export interface LostClaimsOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  node: string;
  /** Whether the turn was taken in here before: then it is not a claim that was lost, but an end. */
  hasEntered(turn: string): boolean;
  /** The store takes turns of the session for running here that do not any more: it lost their ends. */
  forsaken(session: Session): void;
  /** Goes on with a claimed turn as if its claim had just been answered; undefined when it is known by now. */
  takeUp(
    session: Session,
    record: TurnRecord,
    isRunning: boolean,
  ): Promise<(LiveTurn & { end(ending: Ending): boolean }) | undefined>;
}

/** A client that was told to send its turn again has this long for it, milliseconds. */
const resendMs = 5_000;

const unheardOf: Ending = {
  status: 'failed',
  reason: 'store_unavailable',
  message: 'The store did not say in time that it had taken the turn.',
};

/**
 * Claims whose answer never came. The store may have taken such a turn, at once or when a connection comes back: then
 * nothing runs it, and what came after it waits. What the store holds for this node is compared with what this node
 * knows, whenever a turn turns out to wait for one that is unknown here.
 */
export class LostClaims {
  readonly #options: LostClaimsOptions;
  /** Per session, turns that their clients were told to send again and still may. */
  readonly #awaited = new WeakMap<Session, Set<string>>();

  constructor(options: LostClaimsOptions) {
    this.#options = options;
  }

  /** The answer to a claim was lost: if nobody sends the turn again and the store took it, it must end all the same. */
  add(session: Session, turn: string): void {
    const { clock } = this.#options;
    const awaited = this.#awaited.get(session) ?? new Set();
    this.#awaited.set(session, awaited.add(turn));
    const look = (): void => {
      awaited.delete(turn);
      this.look(session).catch(() => clock.setTimer(look, resendMs));
    };
    clock.setTimer(look, resendMs);
  }

  /** Looks when no claim of the session is on its way. Rejects with `StoreError`. */
  look(session: Session): Promise<void> {
    session.holds++;
    const looked = session.claims.then(() => this.takeUp(session, undefined));
    session.claims = looked.catch(() => {});
    return looked.finally(() => session.holds--);
  }

  /** A turn is about to wait for others: those that this node does not know are taken up before it. */
  async takeUpBefore(session: Session, turn: string): Promise<void> {
    const isSuspect = session.turns.size === 0 || (this.#awaited.get(session)?.size ?? 0) > 0;
    if (isSuspect) await this.#takeUpAll(session, (id) => id !== turn, undefined);
  }

  /** `resent`: the turn that its client has just sent again. Throws `StoreError`. */
  takeUp(session: Session, resent: string | undefined): Promise<void> {
    return this.#takeUpAll(session, () => true, resent);
  }

  async #takeUpAll(session: Session, concerns: (turn: string) => boolean, resent: string | undefined): Promise<void> {
    const { store, node, logger, takeUp, hasEntered, forsaken } = this.#options;
    if (session.erased) return;
    const stored = await store.readSession(session.key);
    if (stored?.running === undefined || (stored.owner ?? node) !== node) return;
    for (const id of [stored.running, ...stored.queue]) {
      if (!concerns(id) || session.turns.has(id)) continue;
      // asked only now: a turn that ended meanwhile is stored as ended before it leaves the session
      const existing = await store.readTurn(session.key, id);
      if (existing?.state !== 'unfinished' || existing.record.node !== node) continue;
      if (hasEntered(id)) {
        forsaken(session);
        throw new StoreLossError();
      }
      const turn = await takeUp(session, existing.record, id === stored.running);
      if (turn === undefined) continue;
      const isWanted = id === resent || this.#awaited.get(session)?.has(id) === true;
      logger.info({ turn: id, session: session.key.session, isWanted }, 'a claim had happened without an answer');
      this.#awaited.get(session)?.delete(id);
      if (!isWanted) turn.end(unheardOf);
    }
  }
}
