import type { Upstream } from '../upstream/contract.ts';

export interface RouteRequest {
  /** Route asked for by the turn, else by the session. */
  route: string | undefined;
  /** Model asked for by the turn, else by the session. */
  model: string | undefined;
}

/** What becomes of a turn whose node is lost: it ends `interrupted`, or another node goes on with it where that is possible. */
export type OnCrash = 'end' | 'continue';

export interface RouteDecision {
  upstream: Upstream;
  model: string;
  onCrash: OnCrash;
}

/** Picks upstream and model of a turn. Throws `ProtocolError` `model_not_found` or `route_not_found`. */
export interface Router {
  readonly upstreams: readonly Upstream[];
  route(request: RouteRequest): RouteDecision;
}
