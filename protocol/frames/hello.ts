import * as z from 'zod/mini';
import { countSchema, durationMsSchema } from './common.ts';

export const authSchema = z.union([
  z.object({ key: z.string().check(z.maxLength(1_024)) }),
  z.object({ token: z.string().check(z.maxLength(16_384)) }),
  z.object({ ticket: z.string().check(z.maxLength(1_024)) }),
]);
export type Auth = z.infer<typeof authSchema>;

/** First frame of a connection. */
export const helloSchema = z.object({
  t: z.literal('hello'),
  client: z.optional(
    z.object({ name: z.string().check(z.maxLength(64)), version: z.optional(z.string().check(z.maxLength(64))) }),
  ),
  auth: z.optional(authSchema),
});
export type Hello = z.infer<typeof helloSchema>;

/** Answer to `hello`. */
export const welcomeSchema = z.object({
  t: z.literal('welcome'),
  v: z.literal(1),
  connection: z.string(),
  node: z.string(),
  caps: z.array(z.string()),
  heartbeatMs: durationMsSchema,
  limits: z.object({
    maxMessageBytes: countSchema,
    maxFramesPerMessage: countSchema,
    maxInputBytes: countSchema,
    /** Decoded bytes of a turn's images, audio and files together. */
    maxMediaBytes: z.optional(countSchema),
    maxAttachments: countSchema,
    maxQueuedTurns: countSchema,
  }),
  identity: z.object({ tenant: z.string(), subject: z.string(), roles: z.array(z.string()) }),
  /** What answers a turn that names neither route nor model; wire `practice` means that no provider is configured. */
  upstream: z.object({ name: z.string(), wire: z.string(), model: z.string() }),
  expiresAt: z.optional(z.int()),
});
export type Welcome = z.infer<typeof welcomeSchema>;

/** A new credential before the old one expires; answered by `authenticated`. */
export const authFrameSchema = z.object({
  t: z.literal('auth'),
  ref: countSchema,
  token: z.string().check(z.maxLength(16_384)),
});
export type AuthFrame = z.infer<typeof authFrameSchema>;

export const authenticatedSchema = z.object({
  t: z.literal('authenticated'),
  ref: countSchema,
  expiresAt: z.optional(z.int()),
});
export type Authenticated = z.infer<typeof authenticatedSchema>;
