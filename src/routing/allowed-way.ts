import { ProtocolError } from '../../protocol/protocol-error.ts';
import { isLikeAny } from '../lib/glob.ts';
import type { RouteDecision, RouteRequest, Strategy, TargetGroup } from './contract.ts';

/** Patterns of names; absent: all. */
export interface AllowedNames {
  models?: readonly string[] | undefined;
  routes?: readonly string[] | undefined;
}

/**
 * A decision without what the asker may not use. A route is allowed by its name; where no rule was taken, by the name that
 * was asked for, else by that of the group. A target is allowed by its model or its key, by the name of its group, or by the
 * name that was asked for, unless a route was named to get elsewhere with it. Throws `forbidden` when nothing is left.
 */
export function keepAllowed(
  decision: RouteDecision,
  { models, routes }: AllowedNames,
  asked: Pick<RouteRequest, 'route' | 'model'>,
): RouteDecision {
  if (routes !== undefined && !isLikeAny(routes)(decision.route ?? asked.route ?? decision.group.name))
    throw new ProtocolError('forbidden', 'The credential does not allow this route.');
  if (models === undefined) return decision;
  const isAllowed = isLikeAny(models);
  const isAskedAllowed = asked.route === undefined && asked.model !== undefined && isAllowed(asked.model);
  const keep = (group: TargetGroup, byName = false): TargetGroup | undefined => {
    if (byName || (group.name !== decision.route && isAllowed(group.name))) return group;
    const targets = group.targets.filter(({ key, model }) => isAllowed(model) || isAllowed(key));
    if (targets.length === group.targets.length) return group;
    return targets.length === 0 ? undefined : { ...group, targets };
  };
  const group = keep(decision.group, isAskedAllowed);
  const strategy = keepStrategy(decision.strategy, (of) => keep(of, isAskedAllowed));
  if (group === undefined || strategy === 'none')
    throw new ProtocolError('forbidden', 'The credential does not allow this model.');
  const [leading] = group.targets;
  return {
    ...decision,
    group,
    strategy,
    ...(group === decision.group ? {} : { upstream: leading!.upstream, model: leading!.model }),
    fallback: decision.fallback.flatMap((step) => {
      const kept = keep(step.group);
      return kept === undefined ? [] : [{ ...step, group: kept }];
    }),
  };
}

/** Judges are the operator's choice, and say nothing to the asker. */
function keepStrategy(
  strategy: Strategy | undefined,
  keep: (group: TargetGroup) => TargetGroup | undefined,
): Strategy | 'none' | undefined {
  if (strategy === undefined) return undefined;
  if (strategy.kind === 'cascade') {
    const first = keep(strategy.first);
    return first === undefined ? 'none' : { ...strategy, first };
  }
  const groups = strategy.groups.map(keep).filter((group) => group !== undefined);
  return groups.length === 0 ? 'none' : { ...strategy, groups };
}
