import type { Config } from '../config/schema.ts';
import type { RetentionRules } from '../session/retention.ts';

const dayMs = 24 * 60 * 60_000;

/** The configured rules of each tenant, and whether there are any. */
export function retentionRules({ tenants, tidyMs: _tidyMs, ...common }: Config['retention']): {
  isActive: boolean;
  rulesFor(tenant: string): RetentionRules;
} {
  const forAll = rulesOf(common);
  const byTenant = new Map(Object.entries(tenants).map(([tenant, own]) => [tenant, rulesOf({ ...common, ...own })]));
  const isActive = [forAll, ...byTenant.values()].some((rules) =>
    Object.values(rules).some((rule) => rule !== undefined),
  );
  return { isActive, rulesFor: (tenant) => byTenant.get(tenant) ?? forAll };
}

function rulesOf(rules: Omit<Config['retention'], 'tenants' | 'tidyMs'>): RetentionRules {
  const { maxAgeDays, idleDays, ...others } = rules;
  return {
    ...others,
    maxAgeMs: maxAgeDays === undefined ? undefined : maxAgeDays * dayMs,
    idleMs: idleDays === undefined ? undefined : idleDays * dayMs,
  };
}
