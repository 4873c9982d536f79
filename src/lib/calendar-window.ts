const hourMs = 3_600_000;
export const dayMs = 86_400_000;

export type CalendarWindow = 'hour' | 'day' | 'month';

export interface Span {
  begin: number;
  /** Exclusive. */
  end: number;
}

/** The last ones: all questions are about now. */
const known: Partial<Record<CalendarWindow, Span>> = {};

/** The window that holds a time, UTC. */
export function windowAt(window: CalendarWindow, now: number): Readonly<Span> {
  const last = known[window];
  if (last !== undefined && now >= last.begin && now < last.end) return last;
  const span = spanOf(window, now);
  known[window] = span;
  return span;
}

function spanOf(window: CalendarWindow, now: number): Span {
  if (window === 'month') {
    const date = new Date(now);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return { begin: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
  }
  const length = window === 'hour' ? hourMs : dayMs;
  const begin = Math.floor(now / length) * length;
  return { begin, end: begin + length };
}
