import * as z from 'zod/mini';
import { aliasSchema, countSchema, refSchema, turnIdSchema } from './common.ts';
import { windowReportSchema } from './turn.ts';

/** Keep a turn in every window, or no longer. */
export const pinSchema = z.object({
  t: z.literal('pin'),
  ref: refSchema,
  s: aliasSchema,
  turn: turnIdSchema,
  pinned: z.boolean(),
});
export type Pin = z.infer<typeof pinSchema>;

/** A turn is pinned now, or no longer; `ref` only on the socket that asked. */
export const pinnedSchema = z.object({
  t: z.literal('pinned'),
  ref: z.optional(refSchema),
  s: aliasSchema,
  turn: turnIdSchema,
  pinned: z.boolean(),
});
export type Pinned = z.infer<typeof pinnedSchema>;

/** What was sent upstream for a turn. */
export const windowRequestSchema = z.object({
  t: z.literal('window'),
  ref: refSchema,
  s: aliasSchema,
  turn: turnIdSchema,
  /** Messages to leave out; from the `next` of the answer before. */
  skip: z.optional(countSchema),
});
export type WindowRequestFrame = z.infer<typeof windowRequestSchema>;

export const windowMessageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  text: z.string(),
  /** Types of what was sent beside the text, such as `image/png`. */
  media: z.optional(z.array(z.string())),
  /** The turn it is of; absent for the system text. */
  turn: z.optional(turnIdSchema),
  /** Tools that the assistant called. */
  calls: z.optional(z.array(z.object({ call: z.string(), name: z.string(), arguments: z.string() }))),
  /** With role `tool`: the call that it answers, and the tool. */
  call: z.optional(z.string()),
  name: z.optional(z.string()),
});
export type WindowMessage = z.infer<typeof windowMessageSchema>;

export const windowSchema = z.object({
  t: z.literal('window'),
  ref: refSchema,
  s: aliasSchema,
  turn: turnIdSchema,
  /** False: the turn reached no upstream, until now or at all. */
  sent: z.boolean(),
  /** As in the first call of the turn. */
  messages: z.array(windowMessageSchema),
  /** `skip` for the messages that follow; absent on the last page. */
  next: z.optional(countSchema),
  upstream: z.optional(z.string()),
  model: z.optional(z.string()),
  report: z.optional(windowReportSchema),
});
export type WindowFrame = z.infer<typeof windowSchema>;
