import * as z from 'zod/mini';
import { ackSchema, attachSchema, detachSchema } from './frames/attach.ts';
import { pingSchema } from './frames/connection.ts';
import { authFrameSchema, helloSchema } from './frames/hello.ts';
import { historyRequestSchema } from './frames/history.ts';
import { deleteSchema, updateSchema } from './frames/session.ts';
import { toolResultUpSchema } from './frames/tool.ts';
import { cancelSchema, turnSchema } from './frames/turn.ts';
import { pinSchema, windowRequestSchema } from './frames/window.ts';

/** Every frame a client may send. */
export const upSchema = z.discriminatedUnion('t', [
  helloSchema,
  attachSchema,
  detachSchema,
  turnSchema,
  cancelSchema,
  toolResultUpSchema,
  historyRequestSchema,
  ackSchema,
  updateSchema,
  deleteSchema,
  pinSchema,
  windowRequestSchema,
  authFrameSchema,
  pingSchema,
]);
export type UpFrame = z.infer<typeof upSchema>;
