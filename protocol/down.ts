import * as z from 'zod/mini';
import { attachedSchema, laggingSchema, liveSchema, presenceSchema } from './frames/attach.ts';
import { errorSchema, goawaySchema, pongSchema } from './frames/connection.ts';
import { authenticatedSchema, welcomeSchema } from './frames/hello.ts';
import { historySchema } from './frames/history.ts';
import { deletedSchema, updatedSchema } from './frames/session.ts';
import { ignoredSchema, toolCallSchema, toolResultSchema } from './frames/tool.ts';
import {
  cancellingSchema,
  deltaSchema,
  turnAcceptedSchema,
  turnEndedSchema,
  turnRestartedSchema,
  turnRoutedSchema,
  turnStateSchema,
} from './frames/turn.ts';
import { pinnedSchema, windowSchema } from './frames/window.ts';

/** Events of the log: carried with `pos`, replayed on resume. */
export const eventSchema = z.discriminatedUnion('t', [
  turnAcceptedSchema,
  turnRoutedSchema,
  turnRestartedSchema,
  deltaSchema,
  toolCallSchema,
  toolResultSchema,
  turnEndedSchema,
]);
export type EventFrame = z.infer<typeof eventSchema>;

/** Every frame a server may send. */
export const downSchema = z.discriminatedUnion('t', [
  welcomeSchema,
  authenticatedSchema,
  attachedSchema,
  liveSchema,
  turnAcceptedSchema,
  turnRoutedSchema,
  turnRestartedSchema,
  deltaSchema,
  toolCallSchema,
  toolResultSchema,
  turnEndedSchema,
  turnStateSchema,
  cancellingSchema,
  ignoredSchema,
  errorSchema,
  goawaySchema,
  historySchema,
  updatedSchema,
  deletedSchema,
  pinnedSchema,
  windowSchema,
  pongSchema,
  presenceSchema,
  laggingSchema,
]);
export type DownFrame = z.infer<typeof downSchema>;
