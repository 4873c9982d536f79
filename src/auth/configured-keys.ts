import { createHash, timingSafeEqual } from 'node:crypto';
import type { Identity, Permission } from './contract.ts';
import { patternsFor } from './patterns.ts';
import { Refusal } from './refusal.ts';
import type { ConfiguredKey } from './settings.ts';

/** Keys of the configuration; their hashes alone are kept. The answer is undefined for a text that is none of them. */
export function createConfiguredKeys(
  keys: readonly ConfiguredKey[],
  permissionsOf: (roles: readonly string[]) => readonly Permission[],
  wall: () => number,
): (text: string) => Identity | undefined {
  const known = keys.map(({ key, keyHash, ...settings }) => ({
    hash: key === undefined ? Buffer.from(keyHash!, 'hex') : sha256(key),
    identity: identityOf(settings, permissionsOf),
  }));
  return (text) => {
    const hash = sha256(text);
    let found: Identity | undefined;
    for (const { hash: candidate, identity } of known) if (timingSafeEqual(hash, candidate)) found = identity;
    if (found?.expiresAt !== undefined && found.expiresAt <= wall()) throw new Refusal('expired', found.credential?.id);
    return found;
  };
}

function identityOf(
  settings: Omit<ConfiguredKey, 'key' | 'keyHash'>,
  permissionsOf: (roles: readonly string[]) => readonly Permission[],
): Identity {
  const { name, subject = `key:${name}`, sessions, ...identity } = settings;
  return {
    ...identity,
    subject,
    permissions: permissionsOf(settings.roles),
    sessions: patternsFor(subject, sessions),
    credential: { kind: 'key', id: configuredKeyId(name) },
  };
}

/** Ids of keys in the store hold no colon. */
function configuredKeyId(name: string): string {
  return `config:${name}`;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
