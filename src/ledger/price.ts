import type { TokenPrice } from '../limits/contract.ts';
import type { UpstreamUsage } from '../upstream/contract.ts';

/** A price in USD per million tokens, as the catalogue has them. */
export interface PricePerMillion {
  input: number;
  output: number;
  cacheRead?: number | undefined;
  cacheWrite?: number | undefined;
}

/** One US dollar per million tokens is a thousand billionths a token. */
const nanoPerToken = 1_000;

export function tokenPrice({ input, output, cacheRead, cacheWrite }: PricePerMillion, label: string): TokenPrice {
  return {
    input: input * nanoPerToken,
    output: output * nanoPerToken,
    cacheRead: (cacheRead ?? input) * nanoPerToken,
    cacheWrite: (cacheWrite ?? input) * nanoPerToken,
    label,
  };
}

/** Billionths of a US dollar, rounded up: what was used is never free. */
export function costOf(price: TokenPrice, usage: Omit<UpstreamUsage, 'reasoning'>): number {
  const { input, output, cached, cacheWrite = 0 } = usage;
  const plain = Math.max(0, input - cached - cacheWrite);
  const exact = plain * price.input + cached * price.cacheRead + cacheWrite * price.cacheWrite + output * price.output;
  // what binary fractions add behind the ninth place is not a billionth
  return Math.max(0, Math.ceil(exact - 1e-6));
}
