import { z } from 'zod';
import { failureClasses } from './contract.ts';

/*
 * The part of the configuration that says where turns go. Schemas and types side by side; names that must exist are
 * checked when the rules are compiled (route-table.ts).
 */

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/);
const positive = z.int().min(1);
const durationMs = z.int().min(1);

/** One text, or several of which one must fit; `*` stands for anything. */
const pattern = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
export type Pattern = z.infer<typeof pattern>;

const targetSchema = z.union([
  /** `upstream/model`, the name of a model or of an upstream. */
  z.string().min(1),
  z.strictObject({
    upstream: z.string().min(1),
    /** The upstream's default model where absent. */
    model: z.string().min(1).optional(),
    weight: z.number().positive().default(1),
    /** The smaller number is used first, the next one where none of it can be. */
    priority: z.int().min(0).default(0),
  }),
]);

/** Targets under one name. */
export const groupSchema = z.union([
  z.string().min(1),
  z.array(targetSchema).min(1),
  z.strictObject({
    targets: z.array(targetSchema).min(1),
    /** Sessions stay with the target that answered them last. */
    affinity: z.boolean().default(true),
  }),
]);
export type GroupRule = z.infer<typeof groupSchema>;

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 08:30');

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const matchSchema = z.strictObject({
  team: pattern.optional(),
  tenant: pattern.optional(),
  tier: pattern.optional(),
  /** `metadata.task` of turn or session. */
  task: pattern.optional(),
  /** The model asked for. */
  model: pattern.optional(),
  metadata: z.record(z.string(), pattern).optional(),
  /** ISO 639-1, of the user's words, or `metadata.language` where that is given. */
  language: pattern.optional(),
  inputTokens: z
    .strictObject({ min: z.int().min(0).optional(), max: z.int().min(0).optional() })
    .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'min is larger than max')
    .optional(),
  time: z
    .strictObject({
      from: timeOfDay.optional(),
      /** Exclusive; before `from` it is of the next day. */
      to: timeOfDay.optional(),
      days: z.array(z.enum(weekdays)).min(1).optional(),
      zone: z.string().refine(isZone, 'must be a time zone such as Europe/Oslo').default('UTC'),
    })
    .optional(),
  /** Share of the sessions, 0 to 100; a session stays in or out. */
  percent: z.number().min(0).max(100).optional(),
  /** One of `flags`. */
  flag: z.string().min(1).optional(),
});
export type MatchRule = z.infer<typeof matchSchema>;

const fallbackSchema = z.union([
  z.string().min(1),
  z.strictObject({ model: groupSchema, on: z.array(z.enum(failureClasses)).min(1).optional() }),
]);

const judgeSchema = z.strictObject({ model: groupSchema, prompt: z.string().min(1).optional() });

const regularExpression = z.string().min(1).refine(isExpression, 'must be a regular expression');

function isExpression(text: string): boolean {
  try {
    return new RegExp(text, 'iu').unicode;
  } catch {
    return false;
  }
}

const cascadeSchema = z.strictObject({
  /** The cheap model that is asked first; `model` of the route is the one it escalates to. */
  first: groupSchema,
  escalate: z.strictObject({
    minLength: positive.optional(),
    maxLength: positive.optional(),
    refusal: z.boolean().default(true),
    pattern: z.union([regularExpression, z.array(regularExpression)]).optional(),
    schema: z.boolean().default(true),
    /** Asked for a score from 0 to 1. */
    judge: judgeSchema.extend({ below: z.number().min(0).max(1) }).optional(),
  }),
  show: z.enum(['checked', 'live']).default('checked'),
});

const ensembleSchema = z
  .strictObject({
    models: z.array(groupSchema).min(2).max(8),
    pick: z.enum(['first', 'vote', 'judge']).default('first'),
    judge: judgeSchema.optional(),
  })
  .refine(({ pick, judge }) => (pick === 'judge') === (judge !== undefined), 'pick: judge and judge go together');

const timeoutsSchema = z.strictObject({
  connectMs: durationMs.optional(),
  firstTokenMs: durationMs.optional(),
  idleMs: durationMs.optional(),
  totalMs: durationMs.optional(),
});

const variantSchema = z.strictObject({
  name,
  /** Share of the sessions; those of a route make 100 together. */
  percent: z.number().min(0).max(100),
  model: groupSchema.optional(),
  fallback: z.array(fallbackSchema).optional(),
});

/** What routes and templates have in common. */
const policyShape = {
  model: groupSchema.optional(),
  variants: z.array(variantSchema).min(2).optional(),
  fallback: z.array(fallbackSchema).optional(),
  retry: z
    .strictObject({
      attempts: z.int().min(0).max(10).optional(),
      minMs: durationMs.optional(),
      maxMs: durationMs.optional(),
    })
    .optional(),
  onBreak: z.enum(['end', 'continue', 'restart']).optional(),
  hedge: z.strictObject({ afterMs: durationMs }).optional(),
  timeouts: timeoutsSchema.optional(),
  priority: z.int().min(-100).max(100).optional(),
  cascade: cascadeSchema.optional(),
  ensemble: ensembleSchema.optional(),
  shadow: z.strictObject({ model: groupSchema, percent: z.number().min(0).max(100).default(100) }).optional(),
  schema: z.strictObject({ onMismatch: z.enum(['fail', 'retry']) }).optional(),
  onCrash: z.enum(['end', 'continue']).optional(),
  limits: z
    .strictObject({
      maxOutputTokens: positive.optional(),
      turnsPerMinute: positive.optional(),
      inputTokensPerMinute: positive.optional(),
      outputTokensPerMinute: positive.optional(),
      concurrentTurns: positive.optional(),
      costUsdPerDay: z.number().positive().optional(),
    })
    .optional(),
  cache: z.strictObject({ ttlSeconds: z.int().min(0) }).optional(),
  guardrails: z.array(name).optional(),
};

const templateSchema = z.strictObject(policyShape);
export type TemplateRule = z.infer<typeof templateSchema>;

export const routeSchema = z.strictObject({
  name,
  /** A template; what the route says itself stands over it. */
  use: name.optional(),
  match: matchSchema.default({}),
  ...policyShape,
});
export type RouteRule = z.infer<typeof routeSchema>;

const flagSchema = z.strictObject({
  /** Share of the sessions, 0 to 100. */
  percent: z.number().min(0).max(100).default(100),
  tenants: pattern.optional(),
  teams: pattern.optional(),
});
export type FlagRule = z.infer<typeof flagSchema>;

const degradationSchema = z.strictObject({
  name,
  /** One of them is enough. */
  when: z
    .strictObject({
      /** Turns that run on this node. */
      turns: positive.optional(),
      /** Turns that wait for an upstream. */
      queued: positive.optional(),
      eventLoopDelayMs: z.number().positive().optional(),
    })
    .refine((when) => Object.values(when).some((value) => value !== undefined), 'names no measure'),
  /** Groups or models, and what stands for each of them. */
  models: z.record(z.string().min(1), z.string().min(1)).default({}),
  maxOutputTokens: positive.optional(),
});
export type DegradationRule = z.infer<typeof degradationSchema>;

export const routingShape = {
  /** Names for models and groups of them. */
  models: z.record(name, groupSchema).default({}),
  templates: z.record(name, templateSchema).default({}),
  flags: z.record(name, flagSchema).default({}),
  /** Tried from the top; the first that matches is taken. */
  routes: z.array(routeSchema).default([]),
  /** Steps under load, taken from the top as long as their measure is reached. */
  degradation: z.array(degradationSchema).default([]),
};

const rulesSchema = z.object(routingShape);
export type RoutingRules = z.infer<typeof rulesSchema>;
