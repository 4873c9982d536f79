import { CommandError } from './command-error.ts';

const units = { ms: 1, s: 1_000, m: 60_000, h: 60 * 60_000, d: 24 * 60 * 60_000 };

/** A time such as 20s or 12h, in milliseconds; seconds where no unit is given. Throws `CommandError`. */
export function durationMs(flag: string, text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (amount === undefined) throw new CommandError(`${flag} takes a time such as 20s or 12h, not “${text}”.`, 2);
  return Math.round(Number(amount) * units[unit as keyof typeof units]);
}
