import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Upstream } from '../upstream/contract.ts';
import type { RouteDecision, Router } from './contract.ts';

/**
 * The first upstream is the default. A model is looked up as `upstream/model`, then among the models that upstreams
 * list, then handed to the first upstream that passes any name through.
 */
export function createRouter(upstreams: readonly Upstream[]): Router {
  const first = upstreams[0];
  if (first === undefined) throw new Error('a router needs at least one upstream');

  function byModel(model: string): RouteDecision {
    const slash = model.indexOf('/');
    const named = slash > 0 ? upstreams.find((upstream) => upstream.name === model.slice(0, slash)) : undefined;
    if (named !== undefined) {
      const rest = model.slice(slash + 1);
      if (named.models.length === 0 || named.models.includes(rest)) return { upstream: named, model: rest };
    }
    const listing = upstreams.find((upstream) => upstream.models.includes(model));
    if (listing !== undefined) return { upstream: listing, model };
    const open = upstreams.find((upstream) => upstream.models.length === 0);
    if (open !== undefined) return { upstream: open, model };
    throw new ProtocolError('model_not_found', 'No configured upstream serves this model.');
  }

  return {
    upstreams,
    route({ route, model }) {
      if (route !== undefined) {
        const upstream = upstreams.find(({ name }) => name === route);
        if (upstream === undefined) throw new ProtocolError('route_not_found', 'No route of this name is configured.');
        if (model === undefined) return { upstream, model: upstream.defaultModel };
        if (upstream.models.length > 0 && !upstream.models.includes(model)) {
          throw new ProtocolError('model_not_found', 'The route asked for does not serve this model.');
        }
        return { upstream, model };
      }
      return model === undefined ? { upstream: first, model: first.defaultModel } : byModel(model);
    },
  };
}
