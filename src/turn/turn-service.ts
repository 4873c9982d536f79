import type { Cancelling, TurnFrame, TurnState } from '../../protocol/frames/turn.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { Session } from '../session/session.ts';
import type { StoredTurn, TurnRecord } from '../store/contract.ts';

/** What connections ask of turns, wherever those run. Faults are `ProtocolError`. */
export interface TurnService {
  submit(
    session: Session,
    frame: TurnFrame,
    who: TurnRecord['who'],
  ): Promise<{ outcome: 'accepted' } | { outcome: 'known'; existing: StoredTurn }>;
  /** `after`: the position that the answer must not overtake. */
  cancel(
    session: Session,
    turn: string,
    reason: string | undefined,
    heard: number | undefined,
  ): Promise<{ upstream: Cancelling['upstream']; after: number }>;
  toolResult(
    session: Session,
    turn: string,
    call: string,
    output: unknown,
    error: string | undefined,
  ): Promise<'taken' | 'ignored'>;
  stateOf(session: Session, turn: string): TurnState['state'];
  /** How a turn that has not ended began: `turn.accepted` and `turn.routed`, as far as they happened. */
  beginningOf(session: Session, turn: string): Promise<LogEvent[] | undefined>;
  /** Stops everything of a session that is being erased. */
  abandon(session: Session): void;
  /** Resolves when what this node knows of sessions is true; throws `store_unavailable` when that takes too long. */
  settled?(): Promise<void>;
  /** Resolves when this node knows the session up to a client's cursor, or when nobody does. */
  beforeAttach?(session: Session, cursor: number): Promise<void>;
  /** Settings or pins were changed here; other nodes are told. */
  settingsChanged?(session: Session): void;
}
