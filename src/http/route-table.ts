import type { Route } from './contract.ts';
import { compilePath } from './path-template.ts';

interface Place {
  template: string;
  match: ReturnType<typeof compilePath>;
  routes: Route[];
  /** As `Allow` says them. */
  methods: string[];
}

export type FoundRoute = { template: string } /** `malformed`: a parameter that cannot be decoded. */ & (
  | { outcome: 'found'; route: Route; params: Record<string, string>; malformed: string | undefined }
  | { outcome: 'options'; methods: readonly string[] }
  | { outcome: 'wrong_method'; methods: readonly string[] }
  | { outcome: 'not_found' }
);

/** The routes by path and method. Paths without a parameter come first. */
export class RouteTable {
  readonly #places: readonly Place[];

  constructor(routes: readonly Route[]) {
    const byPath = new Map<string, Route[]>();
    for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route]);
    this.#places = [...byPath]
      .map(([template, routes]) => ({ template, routes, match: compilePath(template), methods: methodsOf(routes) }))
      .sort((a, b) => Number(a.template.includes('{')) - Number(b.template.includes('{')));
  }

  find(method: string, path: string): FoundRoute {
    for (const { template, match, routes, methods } of this.#places) {
      const found = match(path);
      if (found.outcome === 'other') continue;
      if (method === 'OPTIONS') return { template, outcome: 'options', methods };
      // the transport leaves the body of an answer to HEAD out
      const route = routes.find((candidate) => candidate.method === (method === 'HEAD' ? 'GET' : method));
      if (route === undefined) return { template, outcome: 'wrong_method', methods };
      if (found.outcome === 'malformed')
        return { template, outcome: 'found', route, params: {}, malformed: found.param };
      return { template, outcome: 'found', route, params: found.params, malformed: undefined };
    }
    return { template: 'none', outcome: 'not_found' };
  }
}

function methodsOf(routes: readonly Route[]): string[] {
  const methods = routes.map(({ method }) => method as string);
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}
