import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Upstream } from '../upstream/contract.ts';
import type { OnCrash, RouteDecision, Router } from './contract.ts';

/**
 * The first upstream is the default. A model is looked up as `upstream/model`, then among the models that upstreams
 * list, then handed to the first upstream that passes any name through.
 */
export function createRouter(
  upstreams: readonly Upstream[],
  onCrashOf: (upstream: Upstream) => OnCrash = () => 'end',
): Router {
  const first = upstreams[0];
  if (first === undefined) throw new Error('a router needs at least one upstream');

  function decide(upstream: Upstream, model: string): RouteDecision {
    return { upstream, model, onCrash: onCrashOf(upstream) };
  }

  function byModel(model: string): RouteDecision {
    const slash = model.indexOf('/');
    const named = slash > 0 ? upstreams.find((upstream) => upstream.name === model.slice(0, slash)) : undefined;
    if (named !== undefined) {
      const rest = model.slice(slash + 1);
      if (named.models.length === 0 || named.models.includes(rest)) return decide(named, rest);
    }
    const listing = upstreams.find((upstream) => upstream.models.includes(model));
    if (listing !== undefined) return decide(listing, model);
    const open = upstreams.find((upstream) => upstream.models.length === 0);
    if (open !== undefined) return decide(open, model);
    throw new ProtocolError('model_not_found', 'No configured upstream serves this model.');
  }

  return {
    upstreams,
    route({ route, model }) {
      if (route !== undefined) {
        const upstream = upstreams.find(({ name }) => name === route);
        if (upstream === undefined) throw new ProtocolError('route_not_found', 'No route of this name is configured.');
        if (model === undefined) return decide(upstream, upstream.defaultModel);
        if (upstream.models.length > 0 && !upstream.models.includes(model)) {
          throw new ProtocolError('model_not_found', 'The route asked for does not serve this model.');
        }
        return decide(upstream, model);
      }
      return model === undefined ? decide(first, first.defaultModel) : byModel(model);
    },
  };
}
