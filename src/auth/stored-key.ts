import { z } from 'zod';
import type { Identity, Permission } from './contract.ts';
import { type Key, keySchema } from './key-schemas.ts';
import { patternsFor } from './patterns.ts';

/** Collection of the records. */
export const keyCollection = 'keys';

const storedSecretSchema = z.object({
  /** Counts up with each rotation. */
  number: z.int(),
  hash: z.string(),
  createdAt: z.int(),
  validUntil: z.int().optional(),
});

const storedKeySchema = z.object({ ...keySchema.shape, secrets: z.array(storedSecretSchema) });
export type StoredKey = z.infer<typeof storedKeySchema>;

export function parseKey(text: string): StoredKey {
  return storedKeySchema.parse(JSON.parse(text));
}

/** Without its hashes. */
export function shownKey({ secrets, ...key }: StoredKey): Key {
  return { ...key, secrets: secrets.map(({ createdAt, validUntil }) => ({ createdAt, validUntil })) };
}

/** Why a key, or one of its secrets, is not good any more; undefined while it is. */
export function lapseOf(
  key: StoredKey | undefined,
  secretNumber: number | undefined,
  nowMs: number,
): 'revoked' | 'expired' | undefined {
  if (key === undefined || key.revokedAt !== undefined) return 'revoked';
  if (key.expiresAt !== undefined && key.expiresAt <= nowMs) return 'expired';
  const secret = key.secrets.find(({ number }) => number === secretNumber);
  if (secret === undefined) return 'revoked';
  return secret.validUntil !== undefined && secret.validUntil <= nowMs ? 'expired' : undefined;
}

/** The moments at which something of a key lapses by itself. */
export function lapsesOf(key: StoredKey): number[] {
  return [key.expiresAt, ...key.secrets.map(({ validUntil }) => validUntil)].filter((at) => at !== undefined);
}

export function identityOfKey(
  key: StoredKey,
  secretNumber: number,
  permissionsOf: (roles: readonly string[]) => readonly Permission[],
): Identity {
  const { tenant, subject, roles, team, tier, models, routes, tools, limits } = key;
  const secret = key.secrets.find(({ number }) => number === secretNumber);
  return {
    tenant,
    subject,
    roles,
    permissions: permissionsOf(roles),
    credential: { kind: 'key', id: key.id, secretNumber },
    team,
    tier,
    models,
    routes,
    tools,
    sessions: patternsFor(subject, key.sessions),
    limits,
    expiresAt: earliest(key.expiresAt, secret?.validUntil),
  };
}

/** The earlier one of those that are given. */
export function earliest(...times: (number | undefined)[]): number | undefined {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
