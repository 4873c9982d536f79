import type { LogEvent } from '../session/log-event.ts';
import { endOf, sliceFrom } from '../session/log-event.ts';

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
    kept.push(sliceFrom(event, next));
    next = endOf(event);
  }
  return kept;
}
