import type { TurnFrame } from '../../protocol/frames/turn.ts';
import { keepAllowed } from '../routing/allowed-way.ts';
import type { RouteDecision, Router, RouteRequest } from '../routing/contract.ts';
import type { Session } from '../session/session.ts';
import type { SessionKey, TurnRecord } from '../store/contract.ts';

/** What rules may know of a turn beside its own frame. */
export interface TurnFacts {
  text?: string | undefined;
  inputTokens?: number | undefined;
}

type Wishes = Pick<TurnFrame, 'route' | 'model' | 'metadata'>;

/** What the rules are asked for a turn: its own wishes before those of its session. */
export function routeRequestOf(
  key: SessionKey,
  settings: Session['settings'],
  { frame = {}, who }: Partial<Pick<TurnRecord, 'who'> & { frame: Wishes }> = {},
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

/** The model to count tokens for, before or without a turn's own way; the default one where nothing can be routed. */
export function modelToCountFor(router: Router, request: RouteRequest): string {
  try {
    return router.route(request).model;
  } catch {
    return router.upstreams[0]!.defaultModel;
  }
}

/** The way of a turn, by what its asker may use. Throws `ProtocolError`. */
export function routeTurn(
  router: Router,
  session: Session,
  record: Pick<TurnRecord, 'frame' | 'who'>,
  facts?: TurnFacts,
): RouteDecision {
  const request = routeRequestOf(session.key, session.settings, record, facts);
  return keepAllowed(router.route(request), record.who, request);
}

/** Of a way that was taken before, with what is allowed of its fallbacks. Throws `forbidden`. */
export function stillAllowed(
  decision: RouteDecision | undefined,
  { frame, who }: Pick<TurnRecord, 'frame' | 'who'>,
): RouteDecision | undefined {
  return decision && keepAllowed(decision, who, { route: frame.route, model: frame.model });
}
