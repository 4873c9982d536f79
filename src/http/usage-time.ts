const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** Latest time that a JavaScript date can hold. */
const maxMs = 8_640_000_000_000_000;

/**
 * Milliseconds since 1970 of a date, a date and time with its zone (ISO 8601), `now`, or a time before it such as `-7d`
 * (units m, h, d, w). Undefined for anything else.
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  const [, amount, unit] = /^-(\d{1,6})([mhdw])$/.exec(text) ?? [];
  if (amount !== undefined) {
    const ms = nowMs - Number(amount) * unitMs[unit as keyof typeof unitMs];
    return Math.max(0, ms);
  }
  if (!/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text))
    return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || ms < 0 || ms > maxMs) return undefined;
  // the 31st of February is read as a day of March
  return Number(text.slice(8, 10)) <= daysOfMonth(text) ? ms : undefined;
}

function daysOfMonth(text: string): number {
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}
