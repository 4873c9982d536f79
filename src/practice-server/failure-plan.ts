import { hashText, scramble } from '../lib/hash-text.ts';

/** What can go wrong with an answer: a status instead of it, or something in its middle. */
export const streamFailures = ['truncate', 'reset', 'hang', 'error', 'malformed'] as const;
export type StreamFailure = (typeof streamFailures)[number];

/** What is to go wrong with one request. */
export type Failure =
  | { kind: 'status'; status: number }
  /** After this share of the answer's tokens. */
  | { kind: StreamFailure; afterShare: number };

/** Shares of requests by what goes wrong with them: a status from 400 to 599, or a name of `streamFailures`. */
export type FailureShares = Readonly<Record<string, number>>;

/** A plan that cannot be carried out; the message is a sentence. */
export class FailurePlanError extends Error {}

/** Reads `429:0.05,hang:0.01`. Throws `FailurePlanError`. */
export function parseFailures(text: string): FailureShares {
  const shares: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [, name, share] = /^\s*([a-z0-9]+):(\d*\.?\d+)\s*$/.exec(part) ?? [];
    if (name === undefined) throw new FailurePlanError(`“${part}” is no failure with a share, such as 429:0.05.`);
    shares[name] = Number(share);
  }
  checkFailures(shares);
  return shares;
}

/** Throws `FailurePlanError`. */
export function checkFailures(shares: FailureShares): void {
  for (const name of Object.keys(shares)) {
    if (/^[45]\d\d$/.test(name) || (streamFailures as readonly string[]).includes(name)) continue;
    throw new FailurePlanError(
      `“${name}” is no failure: take a status from 400 to 599, or ${streamFailures.join(', ')}.`,
    );
  }
  const sum = Object.values(shares).reduce((total, share) => total + share, 0);
  if (sum > 1) throw new FailurePlanError(`The failures have shares of ${sum} together; 1 is all requests.`);
}

/**
 * Which failure the request that came as number `arrival` gets. By number and not by id, so that the same request sent
 * again may go well.
 */
export function failureOf(shares: FailureShares, seed: number, arrival: number): Failure | undefined {
  const random = hashText(`${seed}|failure|${arrival}`);
  let left = random / 2 ** 32;
  for (const [name, share] of Object.entries(shares)) {
    left -= share;
    if (left >= 0) continue;
    if (/^\d/.test(name)) return { kind: 'status', status: Number(name) };
    return { kind: name as StreamFailure, afterShare: scramble(random) / 2 ** 32 };
  }
  return undefined;
}
