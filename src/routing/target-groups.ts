import type { Upstream } from '../upstream/contract.ts';
import type { Target, TargetGroup } from './contract.ts';
import type { GroupRule } from './rules.ts';

export interface TargetGroupsOptions {
  upstreams: readonly Upstream[];
  models: Readonly<Record<string, GroupRule>>;
  /** Where this node runs; upstreams of the same region come first. */
  region: string | undefined;
  regionOf(upstream: string): string | undefined;
}

/** Names of models, groups and upstreams to the targets they stand for. */
export class TargetGroups {
  readonly #options: TargetGroupsOptions;
  readonly #named = new Map<string, TargetGroup>();
  readonly #resolving = new Set<string>();

  constructor(options: TargetGroupsOptions) {
    this.#options = options;
  }

  /** A group by its name in the configuration. Throws `Error` with one sentence for a target that does not exist. */
  named(name: string): TargetGroup | undefined {
    const rule = Object.hasOwn(this.#options.models, name) ? this.#options.models[name] : undefined;
    if (rule === undefined) return undefined;
    let group = this.#named.get(name);
    if (group === undefined) {
      if (this.#resolving.has(name)) throw new Error(`“${name}” refers to itself`);
      this.#resolving.add(name);
      group = this.fromRule(rule, name);
      this.#resolving.delete(name);
      this.#named.set(name, group);
    }
    return group;
  }

  /** What a rule names. Throws `Error` with one sentence for what does not exist. */
  fromRule(rule: GroupRule, name: string): TargetGroup {
    if (typeof rule === 'string') {
      // any name would do for an upstream that lists none, and a slip of the pen with it
      const found = this.#known(rule) ?? this.#ofUpstream(rule);
      if (found !== undefined) return found;
      throw new Error(
        `there is no group, listed model or upstream “${rule}”; other models are named as upstream/model`,
      );
    }
    const { targets, affinity } = Array.isArray(rule) ? { targets: rule, affinity: true } : rule;
    const resolved = targets.flatMap((target) => {
      if (typeof target === 'string') return this.fromRule(target, target).targets;
      const upstream = this.#upstream(target.upstream);
      if (upstream === undefined) throw new Error(`there is no upstream “${target.upstream}”`);
      const model = target.model ?? upstream.defaultModel;
      if (!serves(upstream, model))
        throw new Error(`the upstream “${upstream.name}” does not list the model “${model}”`);
      return [this.#target(upstream, model, target.weight, target.priority)];
    });
    const unique = [...new Map(resolved.map((target) => [target.key, target])).values()];
    return { name, targets: unique, affinity };
  }

  /** A model as a client asks for it: a group, `upstream/model`, one that upstreams list, else the first that takes any. */
  find(model: string): TargetGroup | undefined {
    const known = this.#known(model);
    if (known !== undefined) return known;
    const open = this.#options.upstreams.find((upstream) => upstream.models.length === 0);
    return open === undefined ? undefined : this.single(open, model);
  }

  #known(model: string): TargetGroup | undefined {
    const named = this.named(model);
    if (named !== undefined) return named;
    const slash = model.indexOf('/');
    const prefix = slash > 0 ? this.#upstream(model.slice(0, slash)) : undefined;
    const rest = model.slice(slash + 1);
    if (prefix !== undefined && rest !== '' && serves(prefix, rest)) return this.single(prefix, rest);
    const listing = this.#options.upstreams.filter((upstream) => upstream.models.includes(model));
    if (listing.length === 0) return undefined;
    return { name: model, targets: listing.map((upstream) => this.#target(upstream, model)), affinity: true };
  }

  single(upstream: Upstream, model: string): TargetGroup {
    return { name: model, targets: [this.#target(upstream, model)], affinity: true };
  }

  #ofUpstream(name: string): TargetGroup | undefined {
    const upstream = this.#upstream(name);
    return upstream === undefined ? undefined : this.single(upstream, upstream.defaultModel);
  }

  #upstream(name: string): Upstream | undefined {
    return this.#options.upstreams.find((upstream) => upstream.name === name);
  }

  #target(upstream: Upstream, model: string, weight = 1, priority = 0): Target {
    const { region, regionOf } = this.#options;
    const itsRegion = regionOf(upstream.name);
    const isFar = region !== undefined && itsRegion !== undefined && itsRegion !== region;
    return { key: `${upstream.name}/${model}`, upstream, model, weight, priority: 2 * priority + (isFar ? 1 : 0) };
  }
}

function serves(upstream: Upstream, model: string): boolean {
  return upstream.models.length === 0 || upstream.models.includes(model);
}
