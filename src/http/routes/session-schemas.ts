import { z } from 'zod';
import { eventSchema } from '../../../protocol/down.ts';
import {
  countSchema,
  durationMsSchema,
  positionSchema,
  sessionIdSchema,
  settingsSchema,
  turnIdSchema,
} from '../../../protocol/frames/common.ts';
import { finishedTurnSchema } from '../../../protocol/frames/history.ts';

/** Milliseconds since 1970. */
const timeSchema = z.int().min(0);

/** Ids as text: one that no session can have is not found, rather than wrong. */
export const sessionParams = z.strictObject({ id: z.string() });

export const listedSessionSchema = z.strictObject({
  session: sessionIdSchema,
  createdAt: timeSchema,
  turns: countSchema,
  head: positionSchema,
  /** Of its finished turns, as they are stored. */
  bytes: countSchema,
  idleMs: durationMsSchema,
  running: z.optional(turnIdSchema),
});

export const sessionSchema = z.strictObject({
  session: sessionIdSchema,
  epoch: z.string(),
  createdAt: timeSchema,
  settings: settingsSchema,
  head: positionSchema,
  /** First position that is left. */
  start: positionSchema,
  /** Finished ones. */
  turns: countSchema,
  running: z.optional(turnIdSchema),
  /** Turns that wait, in order. */
  waiting: z.array(turnIdSchema),
  pinned: z.array(turnIdSchema),
  /** The rolling summary: up to which position, for how many turns. */
  summary: z.strictObject({ end: positionSchema, turns: countSchema }).optional(),
});

export const turnsSchema = z.array(finishedTurnSchema);

const exportedTurnSchema = z.strictObject({
  turn: turnIdSchema,
  inputTokens: countSchema,
  outputTokens: countSchema,
  /** Up to where the user heard or read the answer, if that is less than all of it. */
  heard: z.optional(positionSchema),
  /** The events of the log as a socket gets them, without the alias. */
  events: z.array(z.looseObject({ t: z.enum(eventNames()), pos: positionSchema, turn: turnIdSchema })),
});

export const exportSchema = z.strictObject({
  session: sessionSchema.omit({ summary: true }),
  summary: z.strictObject({ end: positionSchema, turns: countSchema, text: z.string() }).optional(),
  /** Finished turns, oldest first. */
  turns: z.array(exportedTurnSchema),
});

export const erasedSchema = z.strictObject({ session: sessionIdSchema, erased: z.literal(true) });

function eventNames(): [string, ...string[]] {
  return eventSchema.def.options.map((option) => option.def.shape.t.def.values[0] as string) as [string, ...string[]];
}
