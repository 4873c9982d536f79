import type { LogEvent } from '../session/log-event.ts';
import { endOf } from '../session/log-event.ts';
import { contiguousEvents } from './contiguous-events.ts';
import type { OrphanedSession, StoredSession, TurnRecord } from './contract.ts';

/** Where the events of a session's unfinished turns begin: what ended before that need not be read. */
export function orphanStart(
  session: StoredSession,
  unfinished: readonly TurnRecord[],
  logged: readonly LogEvent[],
): number {
  return ownEvents(unfinished, logged).reduce((least, event) => Math.min(least, event.pos), session.head);
}

/**
 * Puts together what is known of a session whose node died: its claims, the node log, and the turns that ended
 * meanwhile, which hold the positions between those of the unfinished ones.
 */
export function assembleOrphan(
  session: StoredSession,
  unfinished: readonly TurnRecord[],
  logged: readonly LogEvent[],
  ended: readonly LogEvent[],
): OrphanedSession {
  const ids = new Set(unfinished.map((record) => record.turn));
  const own = ownEvents(unfinished, logged);
  const start = orphanStart(session, unfinished, logged);
  const known = contiguousEvents([...own, ...ended], start);
  const last = known.at(-1);
  return {
    session,
    unfinished: [...unfinished],
    events: known.filter((event) => ids.has(event.turn)),
    start,
    log: known,
    head: Math.max(session.head, last === undefined ? 0 : endOf(last)),
  };
}

/** Events of unfinished turns in the node log, and the accepts that are in claims instead. */
function ownEvents(unfinished: readonly TurnRecord[], logged: readonly LogEvent[]): LogEvent[] {
  const ids = new Set(unfinished.map((record) => record.turn));
  const accepts = unfinished.filter((record) => record.pos !== undefined).map(acceptOf);
  return [...accepts, ...logged.filter((event) => ids.has(event.turn))];
}

function acceptOf(record: TurnRecord): LogEvent {
  const { turn, acceptedAt, frame } = record;
  return { t: 'turn.accepted', pos: record.pos ?? 0, turn, input: frame.input, at: acceptedAt };
}
