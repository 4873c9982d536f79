import * as z from 'zod/mini';
import {
  aliasSchema,
  countSchema,
  positionSchema,
  refSchema,
  sessionIdSchema,
  settingsSchema,
  turnIdSchema,
} from './common.ts';

/** Open, create or resume a session. */
export const attachSchema = z.object({
  t: z.literal('attach'),
  ref: refSchema,
  s: aliasSchema,
  session: z.optional(sessionIdSchema),
  create: z.optional(z.object({ settings: z.optional(settingsSchema) })),
  epoch: z.optional(z.string().check(z.maxLength(64))),
  after: z.optional(positionSchema),
  as: z.optional(z.enum(['writer', 'viewer'])),
});
export type Attach = z.infer<typeof attachSchema>;

export const detachSchema = z.object({ t: z.literal('detach'), s: aliasSchema });
export type Detach = z.infer<typeof detachSchema>;

/** Everything before `pos` was received. */
export const ackSchema = z.object({ t: z.literal('ack'), s: aliasSchema, pos: positionSchema });
export type Ack = z.infer<typeof ackSchema>;

/** Answer to `attach`; the events from `from` follow. */
export const attachedSchema = z.object({
  t: z.literal('attached'),
  ref: refSchema,
  s: aliasSchema,
  session: sessionIdSchema,
  epoch: z.string(),
  outcome: z.enum(['new', 'resumed', 'snapshot']),
  from: positionSchema,
  head: positionSchema,
  /** The turns that have not ended, running one first, with the queue behind it. */
  live: z.optional(z.array(turnIdSchema)),
  settings: settingsSchema,
  /** Turns that stay in every window. */
  pinned: z.optional(z.array(turnIdSchema)),
});
export type Attached = z.infer<typeof attachedSchema>;

/** Replay is over; what follows happens now. */
export const liveSchema = z.object({ t: z.literal('live'), s: aliasSchema, pos: positionSchema });
export type Live = z.infer<typeof liveSchema>;

/** How many sockets follow the session. */
export const presenceSchema = z.object({
  t: z.literal('presence'),
  s: aliasSchema,
  writers: countSchema,
  viewers: countSchema,
});
export type Presence = z.infer<typeof presenceSchema>;

/** This socket reads too slowly: events wait, and come merged when it drains. */
export const laggingSchema = z.object({ t: z.literal('lagging'), s: aliasSchema, pos: positionSchema });
export type Lagging = z.infer<typeof laggingSchema>;
