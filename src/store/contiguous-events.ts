import type { LogEvent } from '../session/log-event.ts';
import { endOf } from '../session/log-event.ts';

/**
 * The events that follow `start` without a gap, in log order, each once. What lies beyond the first gap was never
 * durable as a whole, hence never shown to anybody.
 */
export function contiguousEvents(events: readonly LogEvent[], start: number): LogEvent[] {
  const ordered = [...events].sort((a, b) => a.pos - b.pos || endOf(b) - endOf(a));
  const kept: LogEvent[] = [];
  let next = start;
  for (const event of ordered) {
    if (event.pos > next) break;
    if (endOf(event) <= next) continue;
    kept.push(startingAt(event, next));
    next = endOf(event);
  }
  return kept;
}

/** The part of an event from `position` on: a run of deltas that was merged may begin with what another one ends with. */
export function startingAt(event: LogEvent, position: number): LogEvent {
  if (event.t !== 'delta' || event.pos >= position) return event;
  return { ...event, pos: position, text: event.text.slice(position - event.pos) };
}
