import type { EventFrame } from '../../protocol/down.ts';
import type { NativeAnswer } from '../upstream/contract.ts';

/**
 * What was sent upstream for a turn, as places in the log: enough to build the same messages again. It stays with the
 * event that says so, and is not shown to clients.
 */
export interface SentWindow {
  /** Ids of stored texts. */
  system?: string | undefined;
  summary?: string | undefined;
  /** Ends of pinned turns that came before the others, in log order. */
  pinned?: number[] | undefined;
  /** Ends of the oldest and the newest of the other turns; everything between them was sent too. */
  turns?: [first: number, last: number] | undefined;
  /** Turns of which it was noted after their end how far they were heard: their end, and that position. */
  heard?: [end: number, heard: number][] | undefined;
}

/**
 * An event of a session's log: the wire frame without the alias, which differs from socket to socket. `sent` and `native`
 * (with the first call of a round: what its provider wants back) are the gateway's own, and not shown to clients.
 */
export type LogEvent = EventFrame extends infer Frame
  ? Frame extends { t: 'turn.routed' }
    ? Omit<Frame, 's'> & { sent?: SentWindow | undefined }
    : Frame extends { t: 'tool.call' }
      ? Omit<Frame, 's'> & { native?: NativeAnswer | undefined }
      : Frame extends { s: number }
        ? Omit<Frame, 's'>
        : never
  : never;

export type LogEventOf<Type extends LogEvent['t']> = Extract<LogEvent, { t: Type }>;

/** An event before it has its place in the log. */
export type UnplacedEvent = LogEvent extends infer Event
  ? Event extends { pos: number }
    ? Omit<Event, 'pos'>
    : never
  : never;

/** Positions an event takes: one per UTF-16 code unit of a delta, one for every other event. */
export function lengthOf(event: LogEvent | UnplacedEvent): number {
  return event.t === 'delta' ? event.text.length : 1;
}

/** The position after an event. */
export function endOf(event: LogEvent): number {
  return event.pos + lengthOf(event);
}

/** The position after the last of these events, which are in log order; 0 when there are none. */
export function endOfAll(events: readonly LogEvent[]): number {
  const last = events.at(-1);
  return last === undefined ? 0 : endOf(last);
}

/** The part of an event from `position` on. */
export function sliceFrom(event: LogEvent, position: number): LogEvent {
  if (event.t !== 'delta' || position <= event.pos) return event;
  return { ...event, pos: position, text: event.text.slice(position - event.pos) };
}

/** Whether `next` continues the delta `previous`, so that both can be told as one. */
export function canMerge(previous: LogEvent, next: LogEvent): boolean {
  return (
    previous.t === 'delta' &&
    next.t === 'delta' &&
    previous.turn === next.turn &&
    previous.kind === next.kind &&
    previous.pos + previous.text.length === next.pos
  );
}

/** Joins runs of deltas, so that a finished turn is a handful of events. Events must be in log order. */
export function mergeEvents(events: Iterable<LogEvent>): LogEvent[] {
  const merged: LogEvent[] = [];
  let pieces: string[] = [];
  const closeRun = (): void => {
    const last = merged.at(-1);
    if (last?.t === 'delta' && pieces.length > 1) merged[merged.length - 1] = { ...last, text: pieces.join('') };
    pieces = [];
  };
  let endOfRun = -1;
  for (const event of events) {
    const last = merged.at(-1);
    if (event.t === 'delta' && last?.t === 'delta' && continuesRun(last, event, endOfRun)) {
      pieces.push(event.text);
      last.tokens = event.tokens;
    } else {
      closeRun();
      merged.push(event.t === 'delta' ? { ...event } : event);
      if (event.t === 'delta') pieces.push(event.text);
    }
    endOfRun = endOf(event);
  }
  closeRun();
  return merged;
}

function continuesRun(run: LogEventOf<'delta'>, next: LogEventOf<'delta'>, endOfRun: number): boolean {
  return run.turn === next.turn && run.kind === next.kind && endOfRun === next.pos;
}
