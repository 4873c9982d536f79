import type { JWTPayload } from 'jose';
import { z } from 'zod';
import type { Identity, Permission } from './contract.ts';
import { grantShape, roleNameSchema, subjectSchema, tenantSchema } from './grant-schemas.ts';
import { patternsFor } from './patterns.ts';
import { Refusal } from './refusal.ts';
import type { ClaimSource, IssuerSettings } from './settings.ts';

const claimedSchema = z.object({
  tenant: tenantSchema,
  subject: subjectSchema,
  roles: z.array(roleNameSchema).max(64),
  ...grantShape,
});

const lists = ['roles', 'models', 'routes', 'tools', 'sessions'] as const;

/** What the claims of a token amount to. One with a claim that cannot be used lets nobody in. Throws `Refusal`. */
export function identityOfClaims(
  payload: JWTPayload,
  settings: Pick<IssuerSettings, 'claims' | 'defaults' | 'clockToleranceSeconds'>,
  permissionsOf: (roles: readonly string[]) => readonly Permission[],
): Identity {
  const { claims, defaults, clockToleranceSeconds } = settings;
  const values: Record<string, unknown> = { ...defaults };
  for (const [name, source] of Object.entries(claims)) {
    const value = claimOf(payload, source);
    if (value !== undefined && value !== null) values[name] = value;
  }
  for (const name of lists) if (typeof values[name] === 'string') values[name] = wordsOf(values[name]);
  const result = claimedSchema.safeParse(values);
  if (!result.success) throw new Refusal(`unusable claim ${result.error.issues[0]?.path.map(String).join('.')}`);
  const { subject, sessions, ...identity } = result.data;
  return {
    ...identity,
    subject,
    permissions: permissionsOf(identity.roles),
    sessions: patternsFor(subject, sessions),
    credential: { kind: 'token' },
    // as long as it is taken at the door
    expiresAt: (payload.exp! + clockToleranceSeconds) * 1_000,
  };
}

/** A claim of exactly this name, else the one at the end of the way that the name's parts make. */
function claimOf(payload: JWTPayload, source: ClaimSource): unknown {
  if (typeof source === 'object') return source.value;
  if (Object.hasOwn(payload, source)) return payload[source];
  let value: unknown = payload;
  for (const part of source.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** Lists are written as `scope` is, too. */
function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
