import * as z from 'zod/mini';
import { aliasSchema, positionSchema, shortTextSchema, turnIdSchema } from './common.ts';

const callIdSchema = z.string().check(z.minLength(1), z.maxLength(256));

/** The model calls a tool; the turn waits for `tool.result`. */
export const toolCallSchema = z.object({
  t: z.literal('tool.call'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  call: callIdSchema,
  name: z.string(),
  /** JSON text of the arguments, whole and valid. */
  arguments: z.string(),
});
export type ToolCall = z.infer<typeof toolCallSchema>;

const resultFields = {
  call: callIdSchema,
  /** Any plain value; what is not a string is sent to the model as JSON text. */
  output: z.optional(z.unknown()),
  /** Why the tool failed, told to the model instead of an output. */
  error: z.optional(z.string().check(z.maxLength(65_536))),
};

/** Answers a `tool.call`; the turn goes on. */
export const toolResultUpSchema = z.object({
  t: z.literal('tool.result'),
  ref: z.optional(z.int()),
  s: aliasSchema,
  turn: turnIdSchema,
  ...resultFields,
});
export type ToolResultUp = z.infer<typeof toolResultUpSchema>;

/** The result as every attachment sees it; calls open at the end of a turn are closed with an `error`. */
export const toolResultSchema = z.object({
  t: z.literal('tool.result'),
  s: aliasSchema,
  pos: positionSchema,
  turn: turnIdSchema,
  ...resultFields,
});
export type ToolResult = z.infer<typeof toolResultSchema>;

/** A `tool.result` that changed nothing: the call was closed before. */
export const ignoredSchema = z.object({
  t: z.literal('ignored'),
  ref: z.optional(z.int()),
  s: aliasSchema,
  turn: turnIdSchema,
  call: callIdSchema,
  reason: shortTextSchema,
});
export type Ignored = z.infer<typeof ignoredSchema>;
