import * as z from 'zod/mini';
import {
  aliasSchema,
  inputSchema,
  positionSchema,
  refSchema,
  timingSchema,
  turnIdSchema,
  turnStatusSchema,
  usageSchema,
} from './common.ts';
import { limitReachedSchema, sourceSchema } from './turn.ts';

/** A page of finished turns, newest first. */
export const historyRequestSchema = z.object({
  t: z.literal('history'),
  ref: refSchema,
  s: aliasSchema,
  /** Turns that ended before this position; from the `next` of the page before. */
  before: z.optional(positionSchema),
  limit: z.optional(z.int().check(z.gte(1), z.lte(100))),
});
export type HistoryRequest = z.infer<typeof historyRequestSchema>;

export const finishedTurnSchema = z.object({
  turn: turnIdSchema,
  pos: positionSchema,
  end: positionSchema,
  at: z.int(),
  input: inputSchema,
  text: z.string(),
  reasoning: z.optional(z.string()),
  tools: z.optional(
    z.array(
      z.object({
        call: z.string(),
        name: z.string(),
        arguments: z.string(),
        output: z.optional(z.unknown()),
        error: z.optional(z.string()),
      }),
    ),
  ),
  upstream: z.optional(z.string()),
  model: z.optional(z.string()),
  status: turnStatusSchema,
  reason: z.optional(z.string()),
  message: z.optional(z.string()),
  heard: z.optional(positionSchema),
  sources: z.optional(z.array(sourceSchema)),
  limit: z.optional(limitReachedSchema),
  usage: usageSchema,
  costUsd: z.optional(z.number()),
  timing: timingSchema,
  pinned: z.optional(z.literal(true)),
});
export type FinishedTurn = z.infer<typeof finishedTurnSchema>;

export const historySchema = z.object({
  t: z.literal('history'),
  ref: refSchema,
  s: aliasSchema,
  turns: z.array(finishedTurnSchema),
  /** `before` of the next page; absent on the last. */
  next: z.optional(positionSchema),
});
export type History = z.infer<typeof historySchema>;
