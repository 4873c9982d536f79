import * as z from 'zod/mini';
import { errorCodeNames } from '../error-codes.ts';
import { aliasSchema, durationMsSchema, refSchema, turnIdSchema } from './common.ts';

export const pingSchema = z.object({ t: z.literal('ping'), at: z.optional(z.number()) });
export type Ping = z.infer<typeof pingSchema>;

export const pongSchema = z.object({ t: z.literal('pong'), at: z.optional(z.number()) });
export type Pong = z.infer<typeof pongSchema>;

/** A request failed; the socket stays open. */
export const errorSchema = z.object({
  t: z.literal('error'),
  ref: z.optional(refSchema),
  s: z.optional(aliasSchema),
  turn: z.optional(turnIdSchema),
  code: z.enum(errorCodeNames),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.optional(durationMsSchema),
});
export type ErrorFrame = z.infer<typeof errorSchema>;

/** The node drains: connect elsewhere, attach with the cursor, then close this socket. */
export const goawaySchema = z.object({
  t: z.literal('goaway'),
  reason: z.string(),
  deadlineMs: durationMsSchema,
  reconnect: z.object({ minMs: durationMsSchema, maxMs: durationMsSchema }),
});
export type Goaway = z.infer<typeof goawaySchema>;
