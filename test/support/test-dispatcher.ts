import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { Dispatcher } from '../../src/routing/dispatcher.ts';
import type { CapacityLimits } from '../../src/routing/upstream-capacity.ts';

/** A dispatcher without bounds, unless `limitsOf` sets some. */
export function createTestDispatcher(
  clock: Clock = systemClock,
  limitsOf: (upstream: string) => CapacityLimits = () => ({}),
  random: () => number = Math.random,
): Dispatcher {
  return new Dispatcher({ clock, random, limitsOf, mostWaiting: 100, maxWaitMs: 10_000 });
}
