import type { RouteDecision, Router, RouteRequest } from '../routing/contract.ts';
import type { Session } from '../session/session.ts';
import type { SessionKey, TurnRecord } from '../store/contract.ts';

/** What rules may know of a turn beside its own frame. */
export interface TurnFacts {
  text?: string | undefined;
  inputTokens?: number | undefined;
}

/** What the rules are asked for a turn: its own wishes before those of its session. */
export function routeRequestOf(
  key: SessionKey,
  settings: Session['settings'],
  { frame, who }: Pick<TurnRecord, 'frame' | 'who'>,
  facts: TurnFacts = {},
): RouteRequest {
  return {
    route: frame.route ?? settings.route ?? undefined,
    model: frame.model ?? settings.model ?? undefined,
    tenant: key.tenant,
    session: key.session,
    team: who?.team,
    tier: who?.tier,
    metadata: { ...settings.metadata, ...frame.metadata },
    ...facts,
  };
}

/** The way of a turn. Throws `ProtocolError`. */
export function routeTurn(
  router: Router,
  session: Session,
  record: Pick<TurnRecord, 'frame' | 'who'>,
  facts?: TurnFacts,
): RouteDecision {
  return router.route(routeRequestOf(session.key, session.settings, record, facts));
}
