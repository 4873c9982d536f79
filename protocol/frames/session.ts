import * as z from 'zod/mini';
import { aliasSchema, refSchema, settingsSchema } from './common.ts';

/** Change the settings; absent keys stay, `null` removes. */
export const updateSchema = z.object({
  t: z.literal('update'),
  ref: refSchema,
  s: aliasSchema,
  settings: settingsSchema,
});
export type Update = z.infer<typeof updateSchema>;

/** The settings as they are now; `ref` only on the socket that asked. */
export const updatedSchema = z.object({
  t: z.literal('updated'),
  ref: z.optional(refSchema),
  s: aliasSchema,
  settings: settingsSchema,
});
export type Updated = z.infer<typeof updatedSchema>;

/** Erase the session. */
export const deleteSchema = z.object({ t: z.literal('delete'), ref: refSchema, s: aliasSchema });
export type Delete = z.infer<typeof deleteSchema>;

/** The session is gone and the alias is free; `ref` only on the socket that asked. */
export const deletedSchema = z.object({ t: z.literal('deleted'), ref: z.optional(refSchema), s: aliasSchema });
export type Deleted = z.infer<typeof deletedSchema>;
