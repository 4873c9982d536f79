import { ConfigError } from '../config/config-error.ts';
import type { Config, UpstreamConfig } from '../config/schema.ts';
import type { Router } from '../routing/contract.ts';
import type { Load } from '../routing/degradation.ts';
import type { DetectLanguage } from '../routing/match.ts';
import { createRouter, RuleError } from '../routing/route-table.ts';
import type { Upstream } from '../upstream/contract.ts';
import type { ReadPace } from '../upstream/read-pace.ts';
import { createModelFacts } from './model-facts.ts';
import { createUpstream, createUpstreams } from './create-upstreams.ts';

/** What of the configuration is taken up while the gateway runs. */
export const reloadedKeys = [
  'upstreams',
  'models',
  'templates',
  'flags',
  'routes',
  'degradation',
  'region',
  'onCrash',
] as const satisfies readonly (keyof Config)[];

export interface LiveRoutesOptions {
  config: Config;
  /** Of the program that embeds the gateway; they stay. */
  given: readonly Upstream[];
  detectLanguage: DetectLanguage | undefined;
  wall(): number;
  load(): Load;
  /** Of the calls of upstreams that are made here. */
  pace?: ReadPace | undefined;
}

/** The router and the upstreams behind it; both may be exchanged, and turns keep the way they were given. */
export class LiveRoutes {
  readonly router: Router;
  readonly #options: LiveRoutesOptions;
  /** As configured, to keep those that stay the same. */
  readonly #made = new Map<string, { config: string; upstream: Upstream }>();
  /** No longer configured; a turn may still go on with one. */
  readonly #retired: Upstream[] = [];
  #config: Config;
  #current: Router;
  #detect: DetectLanguage | undefined;

  /** Throws `ConfigError`. */
  constructor(options: LiveRoutesOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#detect = options.detectLanguage;
    this.#current = this.#build(options.config);
    const current = (): Router => this.#current;
    this.router = {
      get upstreams() {
        return current().upstreams;
      },
      route: (request, trace) => current().route(request, trace),
      again: (...asked) => current().again(...asked),
    };
  }

  /** Takes rules and upstreams of another configuration, all or none. Throws `ConfigError`. */
  reload(config: Config): void {
    this.#current = this.#build(config);
    this.#config = config;
  }

  /** A rule asks for languages now. */
  async detectLanguage(load: () => Promise<DetectLanguage>): Promise<void> {
    this.#detect ??= await load();
  }

  limitsOf(name: string): UpstreamConfig['limits'] {
    return this.#config.upstreams.find((upstream) => upstream.name === name)?.limits ?? {};
  }

  healthOf(name: string): { everyMs: number } | undefined {
    const upstream = this.#config.upstreams.find((upstream) => upstream.name === name);
    return upstream === undefined || upstream.wire === 'practice' ? undefined : upstream.health;
  }

  /** Names of groups of models. */
  groups(): string[] {
    return Object.keys(this.#config.models);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#current.upstreams, ...this.#retired].map((upstream) => upstream.close()));
  }

  #build(config: Config): Router {
    const { given, wall, load, pace } = this.#options;
    const detectLanguage = this.#detect;
    const made = new Map<string, { config: string; upstream: Upstream }>();
    const own = config.upstreams.map((upstream) => {
      const text = JSON.stringify(upstream);
      const known = this.#made.get(upstream.name);
      const entry = known?.config === text ? known : { config: text, upstream: createUpstreamOf(upstream, pace) };
      made.set(upstream.name, entry);
      return entry.upstream;
    });
    const upstreams = given.length + own.length > 0 ? [...given, ...own] : createUpstreams([]);
    const router = createRouterOf(config, upstreams, { detectLanguage, wall, load });
    for (const [name, entry] of this.#made)
      if (made.get(name)?.upstream !== entry.upstream) this.#retired.push(entry.upstream);
    this.#made.clear();
    for (const [name, entry] of made) this.#made.set(name, entry);
    return router;
  }
}

/** The rules of a configuration over these upstreams. Throws `ConfigError`, with the path in the configuration. */
export function createRouterOf(
  config: Config,
  upstreams: readonly Upstream[],
  facts: Partial<Pick<LiveRoutesOptions, 'detectLanguage' | 'wall' | 'load'>> = {},
): Router {
  const configured = new Map(config.upstreams.map((upstream) => [upstream.name, upstream]));
  try {
    return createRouter({
      upstreams,
      rules: config,
      onCrashOf: ({ name }) => configured.get(name)?.onCrash ?? config.onCrash,
      region: config.region,
      regionOf: (name) => configured.get(name)?.region,
      ...facts,
    });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw new ConfigError([`“${error.path.join('.')}”: ${error.message}.`], [error.path]);
  }
}

/** Throws `ConfigError` for rules that cannot be used and upstreams that cannot be made. */
export function checkRoutes(config: Config): void {
  createModelFacts(config);
  const upstreams =
    config.upstreams.length === 0
      ? createUpstreams([])
      : config.upstreams.map((upstream) => createUpstreamOf(upstream));
  checkSummaryRoute(config, createRouterOf(config, upstreams));
}

/** What would else be known only when the first long session is to be summed up. Throws `ConfigError`. */
export function checkSummaryRoute(config: Config, router: Router): void {
  const { route, model } = config.summary;
  try {
    router.route({ route, model });
  } catch {
    const message = '“summary”: no configured upstream is or serves what “route” and “model” name.';
    throw new ConfigError([message], [['summary']]);
  }
}

function createUpstreamOf(config: UpstreamConfig, pace?: ReadPace): Upstream {
  try {
    return createUpstream(config, pace);
  } catch (error) {
    throw new ConfigError([`“upstreams”: ${config.name}: ${(error as Error).message}`]);
  }
}

/** Whether a rule asks for the language of a text, which takes a detector of some 90 MB. */
export function needsLanguage(config: Config): boolean {
  return config.routes.some(({ match }) => match.language !== undefined);
}
