import { networkOf } from '../lib/network-of.ts';
import type { Meter, MeterUnit } from '../store/account-contract.ts';
import type { Spender } from './contract.ts';
import { type LimitRules, type LimitScope, limitScopes, type ScopedLimits } from './rules.ts';

/** A billionth of a US dollar is the smallest amount: a token of the cheapest model costs some of them. */
export const nanoPerUsd = 1_000_000_000;

/** As configured: for everybody, over that by tier, over that by tenant. */
export interface LimitSettings extends ScopedLimits {
  tiers: Readonly<Record<string, ScopedLimits>>;
  tenants: Readonly<Record<string, ScopedLimits>>;
}

/** Who or what something is counted for. */
export interface Spending {
  tenant: string;
  session: string | undefined;
  spender: Spender;
  /** Limits of the route, for each tenant by itself. */
  route?: { name: string; limits: LimitRules } | undefined;
}

const noRules: LimitRules = {};

/** The rules that hold for one scope; a credential's own limits are those of its key. */
export function rulesOf(settings: LimitSettings, scope: LimitScope, { tenant, spender }: Spending): LimitRules {
  const general = settings[scope] ?? noRules;
  const own = Object.hasOwn(settings.tenants, tenant) ? settings.tenants[tenant]![scope] : undefined;
  const { tier } = spender;
  const ofTier = tier !== undefined && Object.hasOwn(settings.tiers, tier) ? settings.tiers[tier]![scope] : undefined;
  const ofKey = scope === 'key' ? spender.limits : undefined;
  // asked for every turn and scope, and mostly there is nothing to put together
  if (own === undefined && ofTier === undefined && ofKey === undefined) return general;
  return { ...general, ...ofTier, ...own, ...ofKey };
}

interface Kind {
  limit: keyof LimitRules;
  unit: MeterUnit;
  burst?: keyof LimitRules;
  window?: 'hour' | 'day' | 'month';
}

const kinds: readonly Kind[] = [
  { limit: 'turnsPerMinute', unit: 'turns', burst: 'turnsBurst' },
  { limit: 'turnsPerDay', unit: 'turns', window: 'day' },
  { limit: 'inputTokensPerMinute', unit: 'input', burst: 'inputTokensBurst' },
  { limit: 'inputTokensPerDay', unit: 'input', window: 'day' },
  { limit: 'outputTokensPerMinute', unit: 'output', burst: 'outputTokensBurst' },
  { limit: 'outputTokensPerDay', unit: 'output', window: 'day' },
  { limit: 'costUsdPerHour', unit: 'cost', window: 'hour' },
  { limit: 'costUsdPerDay', unit: 'cost', window: 'day' },
  { limit: 'costUsdPerMonth', unit: 'cost', window: 'month' },
  { limit: 'concurrentTurns', unit: 'open' },
];
const socketKinds: readonly Kind[] = [{ limit: 'sockets', unit: 'open' }];

/** The meters that a turn is counted on. */
export function turnMeters(settings: LimitSettings, spending: Spending): Meter[] {
  return metersOf(settings, spending, kinds);
}

/** The meters that a socket is counted on. */
export function socketMeters(settings: LimitSettings, spending: Spending): Meter[] {
  return metersOf(settings, spending, socketKinds);
}

function metersOf(settings: LimitSettings, spending: Spending, of: readonly Kind[]): Meter[] {
  const meters: Meter[] = [];
  for (const scope of limitScopes) {
    const subject = subjectOf(scope, spending);
    if (subject === undefined) continue;
    const rules = rulesOf(settings, scope, spending);
    if (rules !== noRules) add(meters, ownerOf(scope, subject), rules, of);
  }
  if (spending.route !== undefined) add(meters, ownerOf('route', spending.route.name), spending.route.limits, of);
  return meters;
}

/** Half a surrogate pair, which a token may hold, has no place in UTF-8. */
function ownerOf(scope: string, subject: string): string {
  return `${scope}:${encodeURIComponent(subject.toWellFormed())}`;
}

function add(meters: Meter[], owner: string, rules: LimitRules, of: readonly Kind[]): void {
  for (const { limit, unit, burst, window } of of) {
    const value = rules[limit];
    if (value === undefined) continue;
    const name = `${owner}/${limit}`;
    if (window !== undefined) {
      meters.push({ name, unit, window, max: unit === 'cost' ? Math.round(value * nanoPerUsd) : value });
    } else if (burst === undefined) {
      meters.push({ name, unit, max: value });
    } else {
      // a bucket that never fills holds nothing either
      meters.push({ name, unit, max: value === 0 ? 0 : (rules[burst] ?? value), perMinute: value });
    }
  }
}

/** Undefined: there is nothing to count for; a credential that is no key has no limits of a key. */
function subjectOf(scope: LimitScope, { session, spender }: Spending): string | undefined {
  switch (scope) {
    case 'tenant':
      return '';
    case 'key':
      return spender.key ?? (hasMeters(spender.limits) ? spender.subject : undefined);
    case 'user':
      return spender.subject;
    case 'session':
      return session;
    case 'address':
      // one IPv6 network is as good as one address
      return spender.address === undefined ? undefined : networkOf(spender.address);
  }
}

/** A program's own `authenticate` may limit one who has no key. Rates that doors keep by themselves are not counted here. */
function hasMeters(limits: LimitRules | undefined): boolean {
  return limits !== undefined && [...kinds, ...socketKinds].some(({ limit }) => limits[limit] !== undefined);
}

/** What a meter's name says. */
export function readMeterName(name: string): { scope: string; subject: string; limit: keyof LimitRules } {
  const [, scope = '', subject = '', limit = ''] = /^([a-z]+):([^/]*)\/(\w+)$/.exec(name) ?? [];
  return { scope, subject: decodeURIComponent(subject), limit: limit as keyof LimitRules };
}

/** The smallest of a limit over all scopes that hold. */
export function ceilingOf(
  settings: LimitSettings,
  spending: Spending,
  limit: 'maxInputTokens' | 'maxOutputTokens' | 'framesPerSecond' | 'requestsPerMinute',
): { max: number; scope: LimitScope } | undefined {
  let least: { max: number; scope: LimitScope } | undefined;
  for (const scope of limitScopes) {
    const max = rulesOf(settings, scope, spending)[limit];
    if (max !== undefined && (least === undefined || max < least.max)) least = { max, scope };
  }
  return least;
}
