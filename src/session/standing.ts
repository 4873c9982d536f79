import { endOf, type LogEvent, type LogEventOf } from './log-event.ts';

/**
 * Events without what a `turn.restarted` among them dropped: what its turn said, called and was answered from position
 * `from` on, before it. All that assembles an answer reads events through this. A delta that reaches beyond `from`, as
 * merging may leave it, is cut there. Events must be in log order.
 */
export function standing<Event extends LogEvent>(events: readonly Event[]): readonly Event[] {
  if (!events.some((event) => event.t === 'turn.restarted')) return events;
  let kept: Event[] = [];
  for (const event of events) {
    if (event.t === 'turn.restarted') kept = kept.flatMap((earlier) => leftOf(earlier, event));
    kept.push(event);
  }
  return kept;
}

function leftOf<Event extends LogEvent>(event: Event, restart: LogEventOf<'turn.restarted'>): Event[] {
  if (event.turn !== restart.turn || endOf(event) <= restart.from) return [event];
  if (event.t !== 'delta' && event.t !== 'tool.call' && event.t !== 'tool.result') return [event];
  if (event.t !== 'delta' || event.pos >= restart.from) return [];
  return [{ ...event, text: event.text.slice(0, restart.from - event.pos) }];
}
