import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { RecordStore } from '../store/record-contract.ts';
import type { AuditEntry, AuditLog } from '../telemetry/contract.ts';
import type { Identity, KeyActor, KeyService, Permission } from './contract.ts';
import { checkRoles, grantsFrom } from './grants.ts';
import { createKeySchema, listKeysSchema, rotateKeySchema } from './key-schemas.ts';
import { parseRequest } from './parse-request.ts';
import { operatorRole, requirePermission } from './permissions.ts';
import { makeKeyText, type SecretDigest } from './secrets.ts';
import { earliest, keyCollection, parseKey, shownKey, type StoredKey } from './stored-key.ts';

export interface ApiKeysOptions {
  records: RecordStore;
  digest: () => Promise<SecretDigest>;
  permissionsOf(roles: readonly string[]): readonly Permission[];
  wall(): number;
  audit: AuditLog;
  /** Told of every key that was written here. */
  written?(key: StoredKey): void;
}

/** Secrets of one key that are good at the same time. */
const maxSecrets = 5;
const pageSize = 200;
/** Somebody else may change a key at the same time; not this often in a row. */
const maxAttempts = 10;

/** The API keys of a store. */
export function createApiKeys(options: ApiKeysOptions): KeyService {
  const { records, digest, permissionsOf, wall, audit } = options;

  const note = (act: AuditEntry['act'], actor: KeyActor, key: StoredKey): void => {
    const by = actor === 'operator' ? { subject: 'operator' } : { subject: actor.subject, key: actor.credential?.id };
    audit.note({ act, tenant: key.tenant, ...by, target: key.id });
  };

  /** Changes a key as it is at that moment. Undefined: there is none, or it is another tenant's. */
  async function change(
    actor: KeyActor,
    id: string,
    changed: (key: StoredKey) => StoredKey | undefined,
  ): Promise<StoredKey | undefined> {
    requireAdmin(actor);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const text = await records.read(keyCollection, id);
      const key = text === undefined ? undefined : parseKey(text);
      if (text === undefined || key === undefined || !mayManage(actor, key.tenant)) return undefined;
      if (actor !== 'operator') checkRoles(actor, key.roles, permissionsOf);
      const next = changed(key);
      if (next === undefined) return key;
      if (await records.write(keyCollection, id, JSON.stringify(next), { only: { was: text } })) {
        options.written?.(next);
        return next;
      }
    }
    throw new ProtocolError('store_unavailable', 'The key is being changed by others; try again.');
  }

  return {
    async create(actor, request) {
      requireAdmin(actor);
      const { tenant: asked, expiresAt, name, roles, ...body } = parseRequest(createKeySchema, request);
      const tenant = asked ?? (actor === 'operator' ? 'default' : actor.tenant);
      if (!mayManage(actor, tenant)) throw new ProtocolError('forbidden', 'This is another tenant.');
      if (actor !== 'operator') checkRoles(actor, roles, permissionsOf);
      const { id, secret, text } = makeKeyText();
      const subject = body.subject ?? `key:${id}`;
      const grants = actor === 'operator' ? body : grantsFrom(actor, body, subject);
      const createdAt = wall();
      const key: StoredKey = {
        id,
        name,
        tenant,
        subject,
        roles,
        ...copyOf(grants),
        createdAt,
        expiresAt: earliest(expiresAt, actor === 'operator' ? undefined : actor.expiresAt),
        secrets: [{ number: 1, hash: (await digest()).of(secret), createdAt }],
      };
      await records.write(keyCollection, id, JSON.stringify(key), { only: 'new' });
      options.written?.(key);
      note('key.created', actor, key);
      return { key: shownKey(key), secret: text };
    },

    async list(actor, request = {}) {
      requireAdmin(actor);
      const { tenant: asked, after, limit } = parseRequest(listKeysSchema, request);
      const tenant = asked ?? (actor === 'operator' || isOperator(actor) ? undefined : actor.tenant);
      if (tenant !== undefined && !mayManage(actor, tenant))
        throw new ProtocolError('forbidden', 'This is another tenant.');
      const found: StoredKey[] = [];
      let from = after;
      while (found.length <= limit) {
        const page = await records.list(keyCollection, from, pageSize);
        found.push(...page.map(({ value }) => parseKey(value)).filter((key) => key.tenant === (tenant ?? key.tenant)));
        from = page.at(-1)?.id;
        if (page.length < pageSize) break;
      }
      const keys = found.slice(0, limit).map(shownKey);
      return found.length > limit ? { keys, next: keys.at(-1)!.id } : { keys };
    },

    async rotate(actor, id, request = {}) {
      const { overlapSeconds } = parseRequest(rotateKeySchema, request);
      const { secret, text } = makeKeyText(id);
      const hash = (await digest()).of(secret);
      const key = await change(actor, id, (key) => {
        if (key.revokedAt !== undefined) throw new ProtocolError('forbidden', 'The key was revoked.');
        const now = wall();
        const number = 1 + Math.max(0, ...key.secrets.map((kept) => kept.number));
        const kept = key.secrets
          .map((old) => ({ ...old, validUntil: earliest(old.validUntil, now + overlapSeconds * 1_000) }))
          .filter(({ validUntil }) => validUntil! > now)
          .slice(1 - maxSecrets);
        return { ...key, secrets: [...kept, { number, hash, createdAt: now }] };
      });
      if (key === undefined) return undefined;
      note('key.rotated', actor, key);
      return { key: shownKey(key), secret: text };
    },

    async revoke(actor, id) {
      const key = await change(actor, id, (key) =>
        key.revokedAt === undefined ? { ...key, revokedAt: wall(), secrets: [] } : undefined,
      );
      if (key === undefined) return undefined;
      note('key.revoked', actor, key);
      return shownKey(key);
    },
  };
}

function requireAdmin(actor: KeyActor): void {
  if (actor !== 'operator') requirePermission(actor, 'admin');
}

function isOperator(actor: Identity): boolean {
  return actor.roles.includes(operatorRole);
}

function mayManage(actor: KeyActor, tenant: string): boolean {
  return actor === 'operator' || isOperator(actor) || actor.tenant === tenant;
}

function copyOf(grants: ReturnType<typeof grantsFrom>) {
  const { team, tier, models, routes, tools, sessions, limits } = grants;
  const list = (patterns: readonly string[] | undefined): string[] | undefined => patterns && [...patterns];
  return {
    team,
    tier,
    models: list(models),
    routes: list(routes),
    tools: list(tools),
    sessions: list(sessions),
    limits,
  };
}
