import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { LimitRules } from '../limits/rules.ts';
import type { Upstream } from '../upstream/contract.ts';
import type {
  FallbackStep,
  OnCrash,
  RouteDecision,
  RoutePolicy,
  RouteRequest,
  Router,
  Strategy,
  TargetGroup,
} from './contract.ts';
import { type Degradation, type Load, compileDegradation } from './degradation.ts';
import { usualFallbackClasses } from './failure-class.ts';
import { type Condition, compileMatch, type MatchContext, shareOf } from './match.ts';
import { TargetGroups } from './target-groups.ts';
import type { RouteRule, RoutingRules, TemplateRule } from './rules.ts';

export interface RouterOptions {
  /** The first is the default. */
  upstreams: readonly Upstream[];
  rules?: Partial<RoutingRules> | undefined;
  onCrashOf?: ((upstream: Upstream) => OnCrash) | undefined;
  region?: string | undefined;
  regionOf?: ((upstream: string) => string | undefined) | undefined;
  detectLanguage?: MatchContext['detectLanguage'] | undefined;
  wall?: (() => number) | undefined;
  /** How busy this node is. */
  load?: (() => Load) | undefined;
}

/** A rule that cannot be used; `path` leads to it in the configuration. */
export class RuleError extends Error {
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[], message: string) {
    super(message);
    this.name = 'RuleError';
    this.path = path;
  }
}

interface CompiledRoute {
  name: string;
  conditions: Condition[];
  group: TargetGroup | undefined;
  variants: { name: string; upTo: number; group: TargetGroup | undefined; fallback: FallbackStep[] | undefined }[];
  fallback: FallbackStep[];
  policy: RoutePolicy;
  strategy: Strategy | undefined;
  shadow: { group: TargetGroup; percent: number } | undefined;
  onCrash: OnCrash | undefined;
}

const usualPolicy: RoutePolicy = {
  retries: 2,
  retryMinMs: 250,
  retryMaxMs: 5_000,
  onBreak: 'end',
  hedgeAfterMs: undefined,
  timeouts: undefined,
  priority: 0,
  onSchemaMismatch: 'fail',
  maxOutputTokens: undefined,
  limits: undefined,
};

/**
 * The rules from the top, first match wins; without a rule the model that was asked for, else the first upstream's.
 * Throws `RuleError` for names that do not exist and for keys whose machinery is not there.
 */
export function createRouter(options: RouterOptions): Router {
  const { upstreams, rules = {}, onCrashOf = () => 'end' } = options;
  const first = upstreams[0];
  if (first === undefined) throw new Error('a router needs at least one upstream');
  const groups = new TargetGroups({
    upstreams,
    models: rules.models ?? {},
    region: options.region,
    regionOf: options.regionOf ?? (() => undefined),
  });
  for (const name of Object.keys(rules.models ?? {})) at(['models', name], () => groups.named(name));
  const context: MatchContext = {
    flags: rules.flags ?? {},
    detectLanguage: options.detectLanguage ?? (() => undefined),
    wall: options.wall ?? (() => 0),
  };
  const routes = (rules.routes ?? []).map((rule, i) => compileRoute(rule, ['routes', i], rules, groups, context));
  const degradation: Degradation = compileDegradation(rules.degradation ?? [], groups);
  const load = options.load ?? ((): Load => ({ turns: 0, queued: 0, eventLoopDelayMs: 0 }));
  const usual = groups.single(first, first.defaultModel);

  function decide(request: RouteRequest, route: CompiledRoute | undefined, asked: TargetGroup): RouteDecision {
    const steps = degradation.stepsAt(load);
    const variant =
      route === undefined || route.variants.length === 0
        ? undefined
        : (route.variants.find(({ upTo }) => shareOf(`variants ${route.name}`, request) < upTo) ??
          route.variants.at(-1));
    const wanted = variant?.group ?? route?.group ?? asked;
    const group = steps.reduce((now, step) => step.groups.get(now.name) ?? now, wanted);
    const isSmaller = group !== wanted;
    const policy = route?.policy ?? usualPolicy;
    const bounds = [policy.maxOutputTokens, ...steps.map((step) => step.maxOutputTokens)].filter(
      (bound) => bound !== undefined,
    );
    const [leading] = group.targets;
    const isShadowed =
      route?.shadow !== undefined &&
      steps.length === 0 &&
      shareOf(`shadow ${route.name}`, request) < route.shadow.percent;
    return {
      route: route?.name,
      variant: variant?.name,
      degraded: steps.map(({ name }) => name),
      upstream: leading!.upstream,
      model: leading!.model,
      group,
      fallback: variant?.fallback ?? route?.fallback ?? [],
      policy: bounds.length === 0 ? policy : { ...policy, maxOutputTokens: Math.min(...bounds) },
      // under load the smaller model answers alone
      strategy: isSmaller ? undefined : route?.strategy,
      shadow: isShadowed ? route.shadow!.group : undefined,
      onCrash: route?.onCrash ?? onCrashOf(leading!.upstream),
    };
  }

  function askedGroup({ route, model }: RouteRequest): TargetGroup {
    // without rules, a route is an upstream or a group by its name
    const named = route === undefined || routes.some(({ name }) => name === route) ? undefined : groups.named(route);
    const upstream = named === undefined ? upstreams.find(({ name }) => name === route) : undefined;
    if (named !== undefined) return named;
    if (upstream !== undefined) {
      if (model === undefined) return groups.single(upstream, upstream.defaultModel);
      if (upstream.models.length > 0 && !upstream.models.includes(model))
        throw new ProtocolError('model_not_found', 'The route asked for does not serve this model.');
      return groups.single(upstream, model);
    }
    if (model === undefined) return usual;
    const found = groups.find(model);
    if (found === undefined) throw new ProtocolError('model_not_found', 'No configured upstream serves this model.');
    return found;
  }

  return {
    upstreams,
    route(request, trace) {
      const { route: asked } = request;
      const isKnown =
        asked === undefined ||
        (routes.length > 0
          ? routes.some(({ name }) => name === asked)
          : upstreams.some(({ name }) => name === asked) || groups.named(asked) !== undefined);
      if (!isKnown) throw notFound();
      for (const route of routes) {
        // who asks for a rule by its name still has to meet it
        if (asked !== undefined && route.name !== asked) continue;
        const because = firstOf(route.conditions, request);
        trace?.({ route: route.name, matched: because === undefined, because });
        if (because !== undefined) continue;
        return decide(request, route, route.group ?? askedGroup(request));
      }
      if (asked !== undefined && routes.length > 0) throw notFound();
      return decide(request, undefined, askedGroup(request));
    },
    again(upstreamName, model, routeName) {
      const upstream = upstreams.find(({ name }) => name === upstreamName);
      if (upstream === undefined || (upstream.models.length > 0 && !upstream.models.includes(model))) return undefined;
      const route = routes.find(({ name }) => name === routeName);
      const group = groups.single(upstream, model);
      return {
        route: route?.name,
        variant: undefined,
        degraded: [],
        upstream,
        model,
        group,
        fallback: route?.fallback ?? [],
        policy: route?.policy ?? usualPolicy,
        strategy: undefined,
        shadow: undefined,
        onCrash: route?.onCrash ?? onCrashOf(upstream),
      };
    },
  };
}

function notFound(): ProtocolError {
  return new ProtocolError('route_not_found', 'No route of this name is configured.');
}

function firstOf(conditions: readonly Condition[], request: RouteRequest): string | undefined {
  for (const condition of conditions) {
    const because = condition(request);
    if (because !== undefined) return because;
  }
  return undefined;
}

type Path = readonly (string | number)[];

function at<Result>(path: Path, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (error instanceof RuleError) throw error;
    throw new RuleError(path, (error as Error).message);
  }
}

function compileRoute(
  own: RouteRule,
  path: Path,
  { templates = {}, flags = {} }: Partial<RoutingRules>,
  groups: TargetGroups,
  context: MatchContext,
): CompiledRoute {
  const template = own.use === undefined ? {} : Object.hasOwn(templates, own.use) ? templates[own.use] : undefined;
  if (template === undefined) throw new RuleError([...path, 'use'], `there is no template “${own.use}”`);
  const rule: RouteRule = { ...withOver(template, own), name: own.name, match: own.match };
  const { flag } = rule.match;
  if (flag !== undefined && !Object.hasOwn(flags, flag))
    throw new RuleError([...path, 'match', 'flag'], `there is no flag “${flag}”`);
  refuseMissing(rule, path);
  const groupOf = (key: string, group: NonNullable<RouteRule['model']>): TargetGroup =>
    at([...path, key], () => groups.fromRule(group, rule.name));
  const fallbackOf = (steps: NonNullable<RouteRule['fallback']>): FallbackStep[] =>
    steps.map((step, i) => {
      const { model, on } = typeof step === 'string' ? { model: step, on: undefined } : step;
      const group = at([...path, 'fallback', i], () => groups.fromRule(model, rule.name));
      return { group, on: new Set(on ?? usualFallbackClasses) };
    });
  const { cascade, ensemble, shadow, retry } = rule;
  if (cascade !== undefined && ensemble !== undefined)
    throw new RuleError([...path, 'ensemble'], 'a route has either a cascade or an ensemble');
  const sum = (rule.variants ?? []).reduce((total, { percent }) => total + percent, 0);
  if (rule.variants !== undefined && Math.abs(sum - 100) > 0.001)
    throw new RuleError([...path, 'variants'], `the variants make ${sum} percent together, not 100`);
  let upTo = 0;
  return {
    name: rule.name,
    conditions: compileMatch(rule.match, `percent ${rule.name}`, context),
    group: rule.model === undefined ? undefined : groupOf('model', rule.model),
    variants: (rule.variants ?? []).map((variant) => ({
      name: variant.name,
      upTo: (upTo += variant.percent),
      group: variant.model === undefined ? undefined : groupOf('variants', variant.model),
      fallback: variant.fallback === undefined ? undefined : fallbackOf(variant.fallback),
    })),
    fallback: fallbackOf(rule.fallback ?? []),
    policy: {
      retries: retry?.attempts ?? usualPolicy.retries,
      retryMinMs: retry?.minMs ?? usualPolicy.retryMinMs,
      retryMaxMs: retry?.maxMs ?? usualPolicy.retryMaxMs,
      onBreak: rule.onBreak ?? usualPolicy.onBreak,
      hedgeAfterMs: rule.hedge?.afterMs,
      timeouts: rule.timeouts,
      priority: rule.priority ?? 0,
      onSchemaMismatch: rule.schema?.onMismatch ?? usualPolicy.onSchemaMismatch,
      maxOutputTokens: rule.limits?.maxOutputTokens,
      limits: rule.limits === undefined ? undefined : withoutMaxOutput(rule.limits),
    },
    strategy: strategyOf(rule, groupOf),
    shadow: shadow === undefined ? undefined : { group: groupOf('shadow', shadow.model), percent: shadow.percent },
    onCrash: rule.onCrash,
  };
}

function strategyOf(
  { cascade, ensemble }: RouteRule,
  groupOf: (key: string, group: NonNullable<RouteRule['model']>) => TargetGroup,
): Strategy | undefined {
  if (cascade !== undefined) {
    const { minLength, maxLength, refusal, pattern, schema, judge } = cascade.escalate;
    const patterns = (typeof pattern === 'string' ? [pattern] : (pattern ?? [])).map((text) => new RegExp(text, 'iu'));
    return {
      kind: 'cascade',
      first: groupOf('cascade', cascade.first),
      escalate: {
        minLength,
        maxLength,
        refusal,
        patterns,
        schema,
        judge:
          judge === undefined
            ? undefined
            : { group: groupOf('cascade', judge.model), below: judge.below, prompt: judge.prompt },
      },
      show: cascade.show,
    };
  }
  if (ensemble === undefined) return undefined;
  return {
    kind: 'ensemble',
    groups: ensemble.models.map((model) => groupOf('ensemble', model)),
    pick: ensemble.pick,
    judge: ensemble.judge === undefined ? undefined : groupOf('ensemble', ensemble.judge.model),
    prompt: ensemble.judge?.prompt,
  };
}

/** A template's keys under the route's own; maps of settings are joined, lists and names replaced. */
function withOver(template: TemplateRule, own: RouteRule): RouteRule {
  const joined: Record<string, unknown> = { ...template };
  for (const [key, value] of Object.entries(own)) {
    if (value === undefined) continue;
    const under = joined[key];
    const areMaps = isJoined(key) && typeof under === 'object' && under !== null;
    joined[key] = areMaps ? { ...under, ...(value as object) } : value;
  }
  return joined as RouteRule;
}

function isJoined(key: string): boolean {
  return ['retry', 'timeouts', 'limits', 'cache', 'schema', 'hedge'].includes(key);
}

/** Keys that are checked and whose machinery is not built yet: refused by name rather than ignored. */
function refuseMissing({ cache, guardrails }: RouteRule, path: Path): void {
  const later = (key: string[], what: string): never => {
    throw new RuleError([...path, ...key], `this version has no ${what} yet; take the key out`);
  };
  if (cache !== undefined && cache.ttlSeconds > 0) later(['cache', 'ttlSeconds'], 'cache');
  if (guardrails !== undefined && guardrails.length > 0) later(['guardrails'], 'guardrails');
}

/** That one bounds the call itself; undefined where there are no others. */
function withoutMaxOutput({
  maxOutputTokens: _maxOutputTokens,
  ...limits
}: NonNullable<RouteRule['limits']>): LimitRules | undefined {
  return Object.values(limits).some((value) => value !== undefined) ? limits : undefined;
}
