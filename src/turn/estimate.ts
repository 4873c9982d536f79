import type { Estimate } from '../limits/turn-account.ts';
import type { Accounting } from '../limits/accounting.ts';
import type { RouteDecision, Target } from '../routing/contract.ts';
import type { Refusal } from '../limits/refusal.ts';
import { UpstreamError } from '../upstream/contract.ts';

/** An upstream call that is not made because nobody pays for it. */
export class UnpaidCall extends UpstreamError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code, refusal.message);
    this.refusal = refusal;
  }
}

/** What the next answer of a turn may take: by the most expensive of the models that may give it, and as many as give it at once. */
export function estimateOf(
  accounting: Pick<Accounting, 'priceOf'>,
  decision: RouteDecision,
  input: number,
  most: number,
): Estimate {
  const prices = targetsOf(decision)
    .map((target) => accounting.priceOf(target))
    .filter((price) => price !== undefined);
  const price = prices.reduce<Estimate['price']>(
    (dear, next) =>
      dear === undefined
        ? next
        : { ...dear, input: Math.max(dear.input, next.input), output: Math.max(dear.output, next.output) },
    undefined,
  );
  return { input, calls: callsOf(decision), price, most };
}

function targetsOf({ group, fallback, strategy }: RouteDecision): Target[] {
  const groups = [group, ...fallback.map((step) => step.group)];
  if (strategy?.kind === 'cascade') groups.push(strategy.first);
  if (strategy?.kind === 'ensemble') groups.push(...strategy.groups);
  return groups.flatMap(({ targets }) => targets);
}

function callsOf({ policy, strategy }: RouteDecision): number {
  const hedged = policy.hedgeAfterMs === undefined ? 1 : 2;
  if (strategy?.kind === 'cascade') return hedged + 1;
  if (strategy?.kind === 'ensemble') return strategy.groups.length * hedged;
  return hedged;
}
