import * as z from 'zod/mini';
import {
  aliasSchema,
  countSchema,
  durationMsSchema,
  inputSchema,
  metadataSchema,
  onBusySchema,
  onDetachSchema,
  paramsSchema,
  positionSchema,
  refSchema,
  shortTextSchema,
  timingSchema,
  toolsSchema,
  turnIdSchema,
  turnStatusSchema,
  usageSchema,
  windowPolicySchema,
} from './common.ts';

/** Start a turn; sending it again with the same id joins or replays it. */
export const turnSchema = z.object({
  t: z.literal('turn'),
  ref: z.optional(refSchema),
  s: aliasSchema,
  id: turnIdSchema,
  input: inputSchema,
  onBusy: z.optional(onBusySchema),
  onDetach: z.optional(onDetachSchema),
  route: z.optional(shortTextSchema),
  model: z.optional(shortTextSchema),
  /** Over the session's, key by key. */
  metadata: z.optional(metadataSchema),
  params: z.optional(paramsSchema),
  tools: z.optional(toolsSchema),
  limits: z.optional(
    z.object({
      maxOutputTokens: z.optional(z.int().check(z.gte(1))),
      maxCostUsd: z.optional(z.number().check(z.gte(0))),
    }),
  ),
  deadlineMs: z.optional(z.int().check(z.gte(1))),
  base: z.optional(positionSchema),
});
export type TurnFrame = z.infer<typeof turnSchema>;

/** The claim is durable; every attachment sees the user's input. */
export const turnAcceptedSchema = z.object({
  t: z.literal('turn.accepted'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  input: inputSchema,
  /** Milliseconds since 1970 by the node's clock, for display. */
  at: z.int(),
});
export type TurnAccepted = z.infer<typeof turnAcceptedSchema>;

export const windowReportSchema = z.object({
  /** Earlier turns sent along, this one not counted. */
  turns: countSchema,
  /** Tokens of everything sent: system text, earlier turns, this input. */
  tokens: countSchema,
  /** Earlier turns left out. */
  dropped: countSchema,
  /** The budget, in tokens. */
  maxTokens: countSchema,
  policy: z.optional(windowPolicySchema),
  /** Pinned turns sent along. */
  pinned: z.optional(countSchema),
  /** Turns for which the summary stands. */
  summarised: z.optional(countSchema),
  /** Why turns were left out although policy `summary` is to sum them up: it did as `sliding` does. */
  fallback: z.optional(z.enum(['summary_pending', 'summary_failed', 'summary_too_long'])),
});
export type WindowReport = z.infer<typeof windowReportSchema>;

/** Where the turn goes; sent again after a fallback. */
export const turnRoutedSchema = z.object({
  t: z.literal('turn.routed'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  upstream: z.string(),
  model: z.string(),
  window: windowReportSchema,
  /** Name of the route that was taken. */
  route: z.optional(z.string()),
  /** Why it goes elsewhere than before. */
  because: z.optional(z.enum(['fallback', 'hedge', 'escalation', 'vote'])),
  /** Name of the variant of an A/B test. */
  variant: z.optional(z.string()),
  /** Steps that were taken because the gateway is under load. */
  degraded: z.optional(z.array(z.string())),
});
export type TurnRouted = z.infer<typeof turnRoutedSchema>;

/** What the turn said from position `from` on does not hold: the answer begins anew there. */
export const turnRestartedSchema = z.object({
  t: z.literal('turn.restarted'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  from: positionSchema,
  /** An error code, or `escalation`. */
  reason: z.string(),
});
export type TurnRestarted = z.infer<typeof turnRestartedSchema>;

/** Where an answer says that it found something. */
export const sourceSchema = z.object({ url: z.string(), title: z.optional(z.string()) });
export type Source = z.infer<typeof sourceSchema>;

/** A piece of the answer; occupies one position per UTF-16 code unit of `text`. */
export const deltaSchema = z.object({
  t: z.literal('delta'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  kind: z.optional(z.literal('reasoning')),
  text: z.string().check(z.minLength(1)),
  /** Output tokens of the turn so far, this piece included. */
  tokens: countSchema,
});
export type Delta = z.infer<typeof deltaSchema>;

/** A limit of the gateway's that was reached, and what it is counted for. */
export const limitReachedSchema = z.object({
  name: z.string(),
  scope: z.string(),
  retryAfterMs: z.optional(durationMsSchema),
});

/** The one end of an accepted turn. */
export const turnEndedSchema = z.object({
  t: z.literal('turn.ended'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  status: turnStatusSchema,
  /** An error code, a limit's name, or the reason given with a cancel. */
  reason: z.optional(z.string()),
  /** One sentence for people, where there is something to say. */
  message: z.optional(z.string()),
  /** Position up to which the user heard or read the answer; later windows hold only that much. */
  heard: z.optional(positionSchema),
  /** Citations of the answer, each address once. */
  sources: z.optional(z.array(sourceSchema)),
  /** With status `limited`: the limit that ended it, of the gateway's own. */
  limit: z.optional(limitReachedSchema),
  usage: usageSchema,
  /** Of all upstream calls; absent where the price of one is not known. */
  costUsd: z.optional(z.number().check(z.gte(0))),
  timing: timingSchema,
});
export type TurnEnded = z.infer<typeof turnEndedSchema>;

/** Progress in the silence before the first token, and the answer to a turn id that is known already. */
export const turnStateSchema = z.object({
  t: z.literal('turn.state'),
  /** Of the repeated `turn` frame that this answers. */
  ref: z.optional(refSchema),
  s: aliasSchema,
  turn: turnIdSchema,
  state: z.enum(['queued', 'routing', 'waiting', 'streaming', 'tool', 'ended']),
  /** With `queued`: how many turns are before this one. */
  place: z.optional(countSchema),
  /** With `ended`. */
  status: z.optional(turnStatusSchema),
});
export type TurnState = z.infer<typeof turnStateSchema>;

/** End a turn, known or not yet known. */
export const cancelSchema = z.object({
  t: z.literal('cancel'),
  ref: z.optional(refSchema),
  s: aliasSchema,
  turn: turnIdSchema,
  reason: z.optional(shortTextSchema),
  heard: z.optional(positionSchema),
});
export type Cancel = z.infer<typeof cancelSchema>;

/** Immediate answer to `cancel`; no delta of the turn follows it on this socket. */
export const cancellingSchema = z.object({
  t: z.literal('cancelling'),
  ref: z.optional(refSchema),
  s: aliasSchema,
  turn: turnIdSchema,
  upstream: z.enum(['aborting', 'not_started', 'ended']),
});
export type Cancelling = z.infer<typeof cancellingSchema>;
