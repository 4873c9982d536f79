import type { Upstream } from '../upstream/contract.ts';

export interface RouteRequest {
  /** Route asked for by the turn, else by the session. */
  route: string | undefined;
  /** Model asked for by the turn, else by the session. */
  model: string | undefined;
}

export interface RouteDecision {
  upstream: Upstream;
  model: string;
}

/** Picks upstream and model of a turn. Throws `ProtocolError` `model_not_found` or `route_not_found`. */
export interface Router {
  readonly upstreams: readonly Upstream[];
  route(request: RouteRequest): RouteDecision;
}
