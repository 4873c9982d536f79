import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { ConnectionEnvironment } from '../connection/contract.ts';
import { keepAllowed } from '../routing/allowed-way.ts';
import type { RouteDecision, Router, RouteRequest } from '../routing/contract.ts';

/**
 * What connections ask before a turn or a setting is taken: the rules as far as they can be asked by then. The turn itself
 * is routed and checked again with everything that is known of it.
 */
export function createRouteCheck(router: Router): ConnectionEnvironment['checkRoute'] {
  return (identity, { tenant, session }, { route, model, metadata }) => {
    const { models, routes, team, tier } = identity;
    if (models === undefined && routes === undefined) return;
    const request: RouteRequest = {
      route: route ?? undefined,
      model: model ?? undefined,
      tenant,
      session,
      team,
      tier,
      metadata: metadata ?? undefined,
    };
    let decision: RouteDecision;
    try {
      decision = router.route(request);
    } catch (error) {
      // what cannot be routed is told by the turn
      if (error instanceof ProtocolError) return;
      throw error;
    }
    keepAllowed(decision, identity, request);
  };
}
