import { z } from 'zod';

const count = z.int().min(0);
const usd = z.number().min(0);

/**
 * Limits of one scope; what is absent does not limit. A minute's limits are token buckets: they fill evenly, and hold as much as
 * the burst. Those of an hour, a day and a month begin anew with it, in UTC, by the store's clock.
 */
export const limitRulesSchema = z.strictObject({
  turnsPerMinute: count.optional(),
  /** Turns at once; default: as many as in a minute. */
  turnsBurst: count.optional(),
  turnsPerDay: count.optional(),
  inputTokensPerMinute: count.optional(),
  inputTokensBurst: count.optional(),
  inputTokensPerDay: count.optional(),
  outputTokensPerMinute: count.optional(),
  outputTokensBurst: count.optional(),
  outputTokensPerDay: count.optional(),
  costUsdPerHour: usd.optional(),
  costUsdPerDay: usd.optional(),
  costUsdPerMonth: usd.optional(),
  /** Turns that run; those that wait in their session do not. */
  concurrentTurns: count.optional(),
  sockets: count.optional(),
  /** Of one turn: what the user says, and what is answered. */
  maxInputTokens: count.optional(),
  maxOutputTokens: count.optional(),
  /** Frames of one socket, requests over HTTP of one credential. */
  framesPerSecond: count.optional(),
  requestsPerMinute: count.optional(),
});
export type LimitRules = z.infer<typeof limitRulesSchema>;

/** What limits are counted for, each by itself; all of them hold at once. */
export const limitScopes = ['tenant', 'key', 'user', 'session', 'address'] as const;
export type LimitScope = (typeof limitScopes)[number];

/** One set of limits: for each tenant, each key, each user, each session and each address. */
export const scopedLimitsSchema = z.strictObject({
  tenant: limitRulesSchema.optional(),
  key: limitRulesSchema.optional(),
  user: limitRulesSchema.optional(),
  session: limitRulesSchema.optional(),
  address: limitRulesSchema.optional(),
});
export type ScopedLimits = z.infer<typeof scopedLimitsSchema>;
