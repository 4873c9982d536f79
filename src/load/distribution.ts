import { z } from 'zod';
import type { Random } from './random.ts';

const amount = z.number().min(0);

/** A number, or how numbers are spread: evenly, exponentially, or log-normally by two of their quantiles. */
export const distributionSchema = z
  .union(
    [
      amount,
      z.strictObject({ min: amount, max: amount }),
      z.strictObject({ mean: amount }),
      z.strictObject({ median: z.number().gt(0), p95: z.number().gt(0) }),
    ],
    { error: 'takes a number from 0 on, {min, max}, {mean} or {median, p95}' },
  )
  .refine((value) => typeof value === 'number' || !('min' in value) || value.min <= value.max, {
    error: 'min must not be more than max',
  })
  .refine((value) => typeof value === 'number' || !('median' in value) || value.median <= value.p95, {
    error: 'median must not be more than p95',
  });
export type Distribution = z.infer<typeof distributionSchema>;

/** The 95 % quantile of the normal distribution. */
const z95 = 1.6448536;

export function draw(distribution: Distribution, random: Random): number {
  if (typeof distribution === 'number') return distribution;
  if ('min' in distribution) return distribution.min + (distribution.max - distribution.min) * random();
  if ('mean' in distribution) return -Math.log(1 - random()) * distribution.mean;
  const deviation = Math.log(distribution.p95 / distribution.median) / z95;
  return distribution.median * Math.exp(deviation * normal(random));
}

/** As a whole number of at least `least`. */
export function drawWhole(distribution: Distribution, random: Random, least: number): number {
  return Math.max(least, Math.round(draw(distribution, random)));
}

/** The method of Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
