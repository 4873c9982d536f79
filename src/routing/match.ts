import { isLikeAny } from '../lib/glob.ts';
import { hashText } from '../lib/hash-text.ts';
import type { RouteRequest } from './contract.ts';
import type { FlagRule, MatchRule, Pattern } from './rules.ts';

/** Answers the language of a text as ISO 639-1; undefined where it cannot be told. */
export type DetectLanguage = (text: string) => string | undefined;

export interface MatchContext {
  flags: Readonly<Record<string, FlagRule>>;
  detectLanguage: DetectLanguage;
  /** Milliseconds since 1970: rules may ask for the time of day. */
  wall(): number;
}

/** A condition of a rule; undefined when it holds, else what it asks for, for people. */
export type Condition = (request: RouteRequest) => string | undefined;

/** The conditions of a rule, in a fixed order, the cheap ones first. */
export function compileMatch(rule: MatchRule, salt: string, context: MatchContext): Condition[] {
  const conditions: Condition[] = [];
  const text = (label: string, asked: Pattern | undefined, valueOf: (request: RouteRequest) => string | undefined) => {
    if (asked === undefined) return;
    const isLike = isLikeAny(asked);
    conditions.push((request) => {
      const value = valueOf(request);
      if (value !== undefined && isLike(value)) return undefined;
      return `${label} is ${value === undefined ? 'not known' : `“${value}”`}, not ${wordsOf(asked)}`;
    });
  };
  text('team', rule.team, (request) => request.team ?? request.tenant);
  text('tenant', rule.tenant, (request) => request.tenant);
  text('tier', rule.tier, (request) => request.tier);
  text('task', rule.task, (request) => request.metadata?.['task']);
  text('the model asked for', rule.model, (request) => request.model);
  for (const [key, asked] of Object.entries(rule.metadata ?? {}))
    text(`metadata.${key}`, asked, (request) => request.metadata?.[key]);
  const { inputTokens, time, percent, flag } = rule;
  if (inputTokens !== undefined) conditions.push(hasSize(inputTokens));
  if (time !== undefined) conditions.push(isTime(time, context));
  if (flag !== undefined) {
    const isOn = compileFlag(flag, context.flags[flag]!);
    conditions.push((request) => (isOn(request) ? undefined : `the flag “${flag}” is off for it`));
  }
  if (percent !== undefined) {
    conditions.push((request) =>
      shareOf(salt, request) < percent ? undefined : `its session is not among the ${percent} %`,
    );
  }
  text('the language', rule.language, (request) => languageOf(request, context.detectLanguage));
  return conditions;
}

/** Where a session lies among all, from 0 to 100, the same for ever and on every node. */
export function shareOf(salt: string, { tenant = '', session = '' }: RouteRequest): number {
  return (hashText(`${salt}\0${tenant}\0${session}`) / 2 ** 32) * 100;
}

function compileFlag(name: string, { percent, tenants, teams }: FlagRule): (request: RouteRequest) => boolean {
  const isTenant = tenants === undefined ? undefined : isLikeAny(tenants);
  const isTeam = teams === undefined ? undefined : isLikeAny(teams);
  return (request) => {
    const { tenant = '', team = tenant } = request;
    if (isTenant !== undefined && !isTenant(tenant)) return false;
    if (isTeam !== undefined && !isTeam(team)) return false;
    return shareOf(`flag ${name}`, request) < percent;
  };
}

function hasSize({ min = 0, max = Number.POSITIVE_INFINITY }: NonNullable<MatchRule['inputTokens']>): Condition {
  return ({ inputTokens }) => {
    if (inputTokens !== undefined && inputTokens >= min && inputTokens <= max) return undefined;
    return `the input has ${inputTokens ?? 'an unknown number of'} tokens`;
  };
}

function isTime(
  { from = '00:00', to = '24:00', days, zone }: NonNullable<MatchRule['time']>,
  { wall }: MatchContext,
): Condition {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return () => {
    const parts = new Map(format.formatToParts(wall()).map(({ type, value }) => [type, value]));
    const now = `${parts.get('hour')}:${parts.get('minute')}`;
    const isWithin = from <= to ? now >= from && now < to : now >= from || now < to;
    const today = (parts.get('weekday') ?? '').toLowerCase();
    const isDay = days === undefined || days.some((day) => day === today);
    return isWithin && isDay ? undefined : `it is ${today} ${now} in ${zone}`;
  };
}

function languageOf({ metadata, text }: RouteRequest, detect: DetectLanguage): string | undefined {
  return metadata?.['language'] ?? (text === undefined || text === '' ? undefined : detect(text));
}

function wordsOf(asked: Pattern): string {
  return typeof asked === 'string' ? `“${asked}”` : `one of ${asked.map((one) => `“${one}”`).join(', ')}`;
}
