import { z } from 'zod';
import { grantShape, roleNameSchema, subjectSchema, tenantSchema } from './grant-schemas.ts';
import { permissions } from './contract.ts';
import { reservedRoles } from './permissions.ts';

const asymmetric = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const symmetric = ['HS256', 'HS384', 'HS512'] as const;
const algorithmSchema = z.enum([...asymmetric, ...symmetric]);

/** A claim by name or by the names on the way to it, joined by dots; or the same for every token. */
const claimSchema = z.union([z.string().min(1), z.strictObject({ value: z.unknown() })]);
export type ClaimSource = z.infer<typeof claimSchema>;

const claimsSchema = z.strictObject({
  tenant: claimSchema.default('tenant'),
  subject: claimSchema.default('sub'),
  roles: claimSchema.default('roles'),
  team: claimSchema.default('team'),
  tier: claimSchema.default('tier'),
  models: claimSchema.default('models'),
  routes: claimSchema.default('routes'),
  tools: claimSchema.default('tools'),
  sessions: claimSchema.default('sessions'),
});

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

const issuerSchema = z
  .strictObject({
    /** `iss` of its tokens. */
    issuer: z.string().min(1),
    /** One of these must be in `aud`. */
    audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    algorithms: z.array(algorithmSchema).min(1),
    /** Where its keys are; asked by the gateway alone, whatever a token says. */
    jwksUrl: z
      .url({ protocol: /^https?$/ })
      .refine((url) => new URL(url).protocol === 'https:' || loopback.test(new URL(url).hostname), {
        message: 'is not https',
      })
      .optional(),
    /** The keys themselves. */
    jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1) }).optional(),
    jwksFile: z.string().min(1).optional(),
    /** Shared with the issuer, for the algorithms HS256 to HS512. */
    secret: z.string().min(32).optional(),
    clockToleranceSeconds: z.int().min(0).max(300).default(30),
    /** `typ` that its tokens must have, such as `at+jwt`. */
    type: z.string().min(1).optional(),
    claims: claimsSchema.prefault({}),
    /** Where a token has no such claim. */
    defaults: z
      .strictObject({ tenant: tenantSchema.optional(), roles: z.array(roleNameSchema).default([]), ...grantShape })
      .prefault({}),
  })
  .refine(
    ({ jwksUrl, jwks, jwksFile, secret }) =>
      [jwksUrl, jwks, jwksFile, secret].filter((source) => source !== undefined).length === 1,
    { message: 'give one of jwksUrl, jwks, jwksFile and secret' },
  )
  .refine(
    ({ algorithms, secret }) =>
      algorithms.every((name) => (symmetric as readonly string[]).includes(name) === (secret !== undefined)),
    { message: 'algorithms: HS256 to HS512 go with a secret alone, the others with public keys alone' },
  );
export type IssuerSettings = z.infer<typeof issuerSchema>;

const configuredKeySchema = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/),
    key: z.string().min(20, 'has fewer than 20 characters').optional(),
    /** SHA-256 of the key, hexadecimal. */
    keyHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'is not a SHA-256 in hexadecimal')
      .optional(),
    tenant: tenantSchema.default('default'),
    /** Default: `key:` and the name. */
    subject: subjectSchema.optional(),
    roles: z.array(roleNameSchema).min(1).default(['user']),
    ...grantShape,
    /** Milliseconds since 1970. */
    expiresAt: z.int().min(0).optional(),
  })
  .refine(({ key, keyHash }) => (key === undefined) !== (keyHash === undefined), {
    message: 'give key or keyHash',
  });
export type ConfiguredKey = z.infer<typeof configuredKeySchema>;

function hasTwice(names: readonly string[]): boolean {
  return new Set(names).size < names.length;
}

/** Who is let in. */
export const authSettingsSchema = z
  .strictObject({
    /** Whether one without a credential is; default: `loopback`, and not even there once there are keys or issuers. */
    anonymous: z.union([z.boolean(), z.literal('loopback')]).optional(),
    /** What hashes of API keys in the store are made with, for all nodes alike; otherwise one that is kept in the store. */
    secret: z.string().min(32, 'has fewer than 32 characters').optional(),
    keys: z
      .array(configuredKeySchema)
      .refine((keys) => !hasTwice(keys.map(({ name }) => name)), { message: 'a name stands there twice' })
      .default([]),
    issuers: z
      .array(issuerSchema)
      .refine((issuers) => !hasTwice(issuers.map(({ issuer }) => issuer)), { message: 'an issuer stands there twice' })
      .default([]),
    /** Names for sets of permissions, beside the built-in user, viewer, owner, admin and operator. */
    roles: z
      .record(roleNameSchema, z.array(z.enum(permissions)))
      .refine((roles) => !Object.keys(roles).some((name) => reservedRoles.includes(name)), {
        message: `the names ${reservedRoles.join(', ')} are taken`,
      })
      .default({}),
    /** A credential is checked within this, or its socket is told to come again. */
    timeoutMs: z.int().min(100).default(10_000),
    /** Credentials checked at once; more wait. */
    maxConcurrent: z.int().min(1).default(128),
  })
  .prefault({});
export type AuthSettings = z.infer<typeof authSettingsSchema>;
