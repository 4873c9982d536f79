import { z } from 'zod';
import { grantShape, roleNameSchema, subjectSchema, tenantSchema } from './grant-schemas.ts';

const timeSchema = z.int().min(0);
const maxOverlapSeconds = 30 * 24 * 60 * 60;

/** Body of `POST /v1/keys`. */
export const createKeySchema = z.strictObject({
  /** For people. */
  name: z.string().trim().min(1).max(128),
  /** Default: the tenant of whoever asks. */
  tenant: tenantSchema.optional(),
  /** Whom it speaks for; default: `key:` and its id. */
  subject: subjectSchema.optional(),
  roles: z.array(roleNameSchema).min(1).max(32).default(['user']),
  ...grantShape,
  /** Milliseconds since 1970. */
  expiresAt: timeSchema.optional(),
});
export type CreateKeyRequest = z.input<typeof createKeySchema>;

/** Body of `POST /v1/keys/{id}/rotate`. */
export const rotateKeySchema = z.strictObject({
  /** The secrets until now are good for this much longer. */
  overlapSeconds: z
    .int()
    .min(0)
    .max(maxOverlapSeconds)
    .default(24 * 60 * 60),
});
export type RotateKeyRequest = z.input<typeof rotateKeySchema>;

/** Query of `GET /v1/keys`. */
export const listKeysSchema = z.strictObject({
  tenant: tenantSchema.optional(),
  /** Id of the last key of the page before. */
  after: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export type ListKeysRequest = z.input<typeof listKeysSchema>;

/** A key as it is shown: everything but its secrets. */
export const keySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  tenant: tenantSchema,
  subject: subjectSchema,
  roles: z.array(roleNameSchema),
  ...grantShape,
  createdAt: timeSchema,
  expiresAt: timeSchema.optional(),
  revokedAt: timeSchema.optional(),
  /** The newest last. */
  secrets: z.array(z.strictObject({ createdAt: timeSchema, validUntil: timeSchema.optional() })),
});
export type Key = z.infer<typeof keySchema>;

/** Answer to create and rotate: the only time the secret is shown. */
export const keyWithSecretSchema = z.strictObject({ key: keySchema, secret: z.string() });
export type KeyWithSecret = z.infer<typeof keyWithSecretSchema>;

/** Answer to `GET /v1/keys`; `next` is the `after` of the next page. */
export const keyListSchema = z.strictObject({ keys: z.array(keySchema), next: z.string().optional() });
export type KeyList = z.infer<typeof keyListSchema>;

/** Answer to `DELETE /v1/keys/{id}`. */
export const keyRevokedSchema = z.strictObject({ key: keySchema });
