const hourMs = 3_600_000;
export const dayMs = 86_400_000;

export type CalendarWindow = 'hour' | 'day' | 'month';

/** The window that holds a time, UTC; `end` is exclusive. */
export function windowAt(window: CalendarWindow, now: number): { begin: number; end: number } {
  if (window === 'month') {
    const date = new Date(now);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return { begin: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
  }
  const length = window === 'hour' ? hourMs : dayMs;
  const begin = Math.floor(now / length) * length;
  return { begin, end: begin + length };
}
