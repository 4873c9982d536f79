/** No provider makes a turn wait longer than this; another upstream is tried instead. */
const longestRetryAfterMs = 60_000;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * How long the provider asks to be left alone, in milliseconds from 0 to 60,000; undefined if it does not say so in
 * a readable way. Reads `retry-after-ms` (OpenAI, Azure) and `retry-after` as seconds or HTTP date (RFC 9110, 10.2.3).
 *
 * A date is compared to the provider's own clock, if the answer tells it (`date`): clocks differ.
 *
 * @param wallMs milliseconds since 1970 here
 */
export function parseRetryAfter(headers: Headers, wallMs: number): number | undefined {
  const milliseconds = toNumber(single(headers['retry-after-ms']));
  if (milliseconds !== undefined) return clamp(milliseconds);
  const text = single(headers['retry-after']);
  if (text === undefined) return undefined;
  const seconds = toNumber(text);
  if (seconds !== undefined) return clamp(seconds * 1000);
  const dateMs = toDateMs(text);
  return dateMs === undefined ? undefined : clamp(dateMs - (toDateMs(single(headers.date)) ?? wallMs));
}

/** Date.parse reads almost anything with a digit as a date; an HTTP date names its day or month. */
function toDateMs(text: string | undefined): number | undefined {
  const dateMs = text !== undefined && /[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : dateMs;
}

function single(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim();
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function clamp(delayMs: number): number {
  return Math.round(Math.min(Math.max(delayMs, 0), longestRetryAfterMs));
}
