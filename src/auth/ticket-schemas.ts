import { z } from 'zod';
import { grantShape, roleNameSchema, subjectSchema } from './grant-schemas.ts';

/** A ticket is for the connection that is made right now. */
export const maxTicketSeconds = 60;

/** Body of `POST /v1/tickets`. What is absent is as the issuer has it; nothing may be more than that. */
export const createTicketSchema = z.strictObject({
  /** Origin of the page that may use it, such as `https://example.com`; absent: any. */
  origin: z
    .string()
    .regex(/^https?:\/\/[^/\s]+$/, 'is not an origin such as https://example.com')
    .optional(),
  /** Keys alone may name another than their own. */
  subject: subjectSchema.optional(),
  roles: z.array(roleNameSchema).min(1).max(32).optional(),
  ...grantShape,
  ttlSeconds: z.int().min(1).max(maxTicketSeconds).default(30),
  /** Longest life of the connection that it opens. */
  connectionSeconds: z.int().min(1).optional(),
});
export type CreateTicketRequest = z.input<typeof createTicketSchema>;

/** Answer to `POST /v1/tickets`. */
export const ticketSchema = z.strictObject({
  ticket: z.string(),
  /** When it can no longer be used, milliseconds since 1970. */
  expiresAt: z.int(),
});
export type Ticket = z.infer<typeof ticketSchema>;
