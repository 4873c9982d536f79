import { CommandError } from './command-error.ts';

/** A number from 0 on from a flag that may be absent. Throws `CommandError`. */
export function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new CommandError(`${flag} takes a number, not “${text}”.`, 2);
  return value;
}

/** Throws `CommandError`. */
export function wholeOf(flag: string, text: string | undefined): number | undefined {
  const value = numberOf(flag, text);
  if (value !== undefined && !Number.isSafeInteger(value))
    throw new CommandError(`${flag} takes a whole number, not “${text}”.`, 2);
  return value;
}

/** Throws `CommandError`. */
export function wholeWithin(flag: string, text: string, min: number, max: number): number {
  const value = numberWithin(flag, text, min, max, 'whole number');
  if (!Number.isInteger(value)) throw outside(flag, text, min, max, 'whole number');
  return value;
}

/** Throws `CommandError`. */
export function numberWithin(flag: string, text: string, min: number, max: number, kind = 'number'): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) throw outside(flag, text, min, max, kind);
  return value;
}

function outside(flag: string, text: string, min: number, max: number, kind: string): CommandError {
  return new CommandError(`${flag} takes a ${kind} from ${min} to ${max}, not “${text}”.`, 2);
}

/** From 0 to 1, also as a percentage. Throws `CommandError`. */
export function shareOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, percent] = /^(\d*\.?\d+)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits) / (percent === '%' ? 100 : 1);
  if (!(value >= 0 && value <= 1))
    throw new CommandError(`${flag} takes a share such as 5% or 0.05, not “${text}”.`, 2);
  return value;
}
