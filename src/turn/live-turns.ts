import type { UnplacedEvent } from '../session/log-event.ts';
import type { Session } from '../session/session.ts';
import type { Ending } from './contract.ts';
import type { Turn } from './turn.ts';

/** Turns remembered as having run here. */
const maxEntered = 4_096;

/** The turns of this node that have not ended, and which of each session's the store lets run. */
export class LiveTurns {
  readonly #live = new Set<Turn>();
  /** Ids of the last turns that this node took in, the oldest first. */
  readonly #entered = new Set<string>();
  /** Per session, the turn that the store lets run. */
  readonly #runnable = new WeakMap<Session, string>();

  get size(): number {
    return this.#live.size;
  }

  get sessions(): Set<Session> {
    return new Set([...this.#live].map((turn) => turn.session));
  }

  of(session: Session, turn: string): Turn | undefined {
    return session.turns.get(turn) as Turn | undefined;
  }

  /** Places `turn.accepted`; `claimedPosition`: where the claim placed it, and made it durable. */
  accept(session: Session, turn: Turn, claimedPosition: number | undefined): void {
    const accepted: UnplacedEvent = {
      t: 'turn.accepted',
      turn: turn.id,
      input: turn.frame.input,
      at: turn.record.acceptedAt,
    };
    if (claimedPosition === undefined) {
      this.enter(session, turn, session.append(accepted).pos);
    } else {
      const placed = session.log.appendHeld(accepted);
      this.enter(session, turn, placed.pos);
      session.confirm(placed);
    }
  }

  /** Whether the turn ran here, perhaps a while ago. */
  hasEntered(turn: string): boolean {
    return this.#entered.has(turn);
  }

  /** Takes in a turn whose `turn.accepted` is at `position`. */
  enter(session: Session, turn: Turn, position: number): void {
    session.turnEntered(turn);
    this.#live.add(turn);
    this.#entered.add(turn.id);
    if (this.#entered.size > maxEntered) this.#entered.delete(this.#entered.values().next().value!);
    turn.accepted(position);
    turn.attachmentsChanged(session.attachments.length);
  }

  delete(turn: Turn): void {
    this.#live.delete(turn);
  }

  /** Lets go of all turns of a session without an end of theirs; see `Turn.abandon`. */
  abandon(session: Session, reason: string): void {
    for (const turn of session.turns.values()) {
      (turn as Turn).abandon(reason);
      this.#live.delete(turn as Turn);
    }
  }

  /** The store lets this one run. */
  setRunnable(session: Session, turn: string): void {
    this.#runnable.set(session, turn);
  }

  /** The turn that the store lets run, once this node knows it. */
  runnableOf(session: Session): Turn | undefined {
    const turn = this.of(session, this.#runnable.get(session) ?? '');
    return turn === undefined || turn.machine.isOver ? undefined : turn;
  }

  endAll(ending: Ending): void {
    // those that wait first, so that none of them is started
    for (const turn of [...this.#live].reverse()) turn.end(ending);
  }

  endTombstoned(turn: Turn): void {
    turn.end({ status: 'cancelled', reason: 'cancelled', message: 'The cancel came before the turn.' });
  }

  supersede(session: Session, turns: readonly string[], by: string): void {
    for (const id of [...turns].reverse()) this.of(session, id)?.end({ status: 'superseded', reason: by });
  }

  /** As `supersede`, where the answer to the claim, which would name them, is not known. */
  supersedeBefore(session: Session, turn: Turn): void {
    const before = ([...session.turns.values()] as Turn[]).filter(
      (other) => other !== turn && (other.record.order ?? 0) <= (turn.record.order ?? 0),
    );
    this.supersede(
      session,
      before.map(({ id }) => id),
      turn.id,
    );
  }
}
