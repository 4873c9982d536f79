import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createApiKeys } from '../../../src/auth/api-keys.ts';
import type { Identity } from '../../../src/auth/contract.ts';
import { createAuthenticator } from '../../../src/auth/create-authenticator.ts';
import { createRoles } from '../../../src/auth/permissions.ts';
import { loadSecretDigest, makeKeyText, parseKeyText } from '../../../src/auth/secrets.ts';
import { authSettingsSchema } from '../../../src/auth/settings.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentAudit, silentLogger } from '../../../src/telemetry/contract.ts';
import { createMemoryRecords } from '../../support/memory-records.ts';

const permissionsOf = createRoles();

function createService(now = { ms: 1_000 }) {
  const records = createMemoryRecords();
  const service = createApiKeys({
    records,
    digest: () => loadSecretDigest(records, undefined),
    permissionsOf,
    wall: () => now.ms,
    audit: silentAudit,
  });
  return { service, records, now };
}

function admin(more: Partial<Identity> = {}): Identity {
  return { tenant: 'acme', subject: 'boss', roles: ['admin'], permissions: permissionsOf(['admin']), ...more };
}

test('the text of a key has an id and 256 random bits', () => {
  const made = makeKeyText();
  expect(made.text).toMatch(/^pk_[0-9A-Za-z]{16}_[0-9A-Za-z]{43}$/);
  expect(parseKeyText(made.text)).toEqual({ id: made.id, secret: made.secret });
  expect(makeKeyText().secret).not.toBe(made.secret);
  for (const text of ['', 'pk_', `${made.text}x`, made.text.slice(1), `sk${made.text.slice(2)}`])
    expect(parseKeyText(text)).toBeUndefined();
});

test('the store has neither the key nor its secret', async () => {
  const { service, records } = createService();
  const { secret, key } = await service.create('operator', { name: 'k' });
  const stored = (await records.read('keys', key.id))!;
  expect(stored).not.toContain(secret.slice(-43));
  expect(JSON.parse(stored)).toMatchObject({
    id: key.id,
    tenant: 'default',
    subject: `key:${key.id}`,
    roles: ['user'],
  });
});

test('any changed key is refused', async () => {
  const records = createMemoryRecords();
  const { authenticator, keys } = createAuthenticator({
    settings: authSettingsSchema.parse({}),
    records,
    clock: systemClock,
    logger: silentLogger,
    audit: silentAudit,
    isLoopback: true,
  });
  const { secret } = await keys.create('operator', { name: 'k' });
  const upgrade = { remoteAddress: '::1', origin: undefined, authorization: undefined, ticket: undefined };
  expect(await authenticator.authenticate({ key: secret }, upgrade)).toMatchObject({ tenant: 'default' });
  await fc.assert(
    fc.asyncProperty(fc.nat(secret.length), fc.string({ maxLength: 3 }), fc.nat(3), async (at, put, cut) => {
      const changed = secret.slice(0, at) + put + secret.slice(at + cut);
      fc.pre(changed !== secret);
      await expect(authenticator.authenticate({ key: changed }, upgrade)).rejects.toMatchObject({
        code: 'unauthorized',
        message: 'The credential is missing, wrong or expired.',
      });
    }),
  );
  authenticator.close();
});

test('nodes that start at once use one secret, and a configured one is used where there is one', async () => {
  const records = createMemoryRecords();
  const [one, two] = await Promise.all([loadSecretDigest(records, undefined), loadSecretDigest(records, undefined)]);
  expect(one!.of('x')).toBe(two!.of('x'));
  const configured = await loadSecretDigest(records, 'c'.repeat(32));
  expect(configured.of('x')).not.toBe(one!.of('x'));
  expect(configured.matches('x', ['', 'short', configured.of('y'), configured.of('x')])).toBe(3);
  expect(configured.matches('x', [])).toBe(-1);
});

describe('who manages keys', () => {
  test('an admin has those of its tenant alone', async () => {
    const { service } = createService();
    const foreign = await service.create('operator', { name: 'foreign', tenant: 'umbra' });
    const own = await service.create(admin(), { name: 'own' });
    expect(own.key.tenant).toBe('acme');
    expect((await service.list(admin())).keys.map(({ name }) => name)).toEqual(['own']);
    expect(await service.rotate(admin(), foreign.key.id)).toBeUndefined();
    expect(await service.revoke(admin(), foreign.key.id)).toBeUndefined();
    expect(await service.revoke(admin(), 'no-such-key')).toBeUndefined();
    await expect(service.create(admin(), { name: 'x', tenant: 'umbra' })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(service.list(admin(), { tenant: 'umbra' })).rejects.toMatchObject({ code: 'forbidden' });
    const operator = admin({ roles: ['operator'] });
    expect((await service.list(operator)).keys).toHaveLength(2);
    expect(await service.revoke(operator, foreign.key.id)).toMatchObject({ revokedAt: 1_000 });
  });

  test('nobody gives more than he has, also by a new secret of a key that is more', async () => {
    const { service } = createService();
    const above = await service.create('operator', { name: 'above', tenant: 'acme', roles: ['operator'] });
    const bound = admin({ models: ['gpt-*'], limits: { turnsPerMinute: 5 }, tier: 'free', expiresAt: 9_000 });
    for (const request of [{ roles: ['operator'] }, { models: ['*'] }, { tier: 'gold' }])
      await expect(service.create(bound, { name: 'x', ...request })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(service.rotate(admin(), above.key.id)).rejects.toMatchObject({ code: 'forbidden' });
    const { key } = await service.create(bound, { name: 'x', limits: { turnsPerMinute: 50, sockets: 2 } });
    expect(key).toMatchObject({ models: ['gpt-*'], tier: 'free', expiresAt: 9_000 });
    expect(key.limits).toEqual({ turnsPerMinute: 5, sockets: 2 });
  });

  test('others may not', async () => {
    const { service } = createService();
    const user = admin({ roles: ['owner'], permissions: permissionsOf(['owner']) });
    await expect(service.create(user, { name: 'x' })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(service.list(user)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(service.revoke(user, 'x')).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('a wrong request is told in one sentence', async () => {
    const { service } = createService();
    const wrong = [
      {},
      { name: '' },
      { name: 'x', tenant: '{}' },
      { name: 'x', nonsense: 1 },
      { name: 'x', limits: { a: 1 } },
    ];
    for (const request of wrong)
      await expect(service.create('operator', request as { name: string })).rejects.toMatchObject({
        code: 'invalid_frame',
        message: expect.stringMatching(/^[^\n]+\.$/),
      });
  });
});

test('lists page by page', async () => {
  const { service } = createService();
  for (let i = 0; i < 7; i++) await service.create('operator', { name: `k${i}`, tenant: i % 2 === 0 ? 'even' : 'odd' });
  const names: string[] = [];
  let after: string | undefined;
  do {
    const page = await service.list('operator', { tenant: 'even', after, limit: 2 });
    names.push(...page.keys.map(({ name }) => name));
    after = page.next;
  } while (after !== undefined);
  expect(names.toSorted()).toEqual(['k0', 'k2', 'k4', 'k6']);
});

test('a rotation leaves the old secret for its overlap, a revocation leaves nothing', async () => {
  const { service, now } = createService();
  const { key } = await service.create('operator', { name: 'k' });
  const rotated = await service.rotate('operator', key.id, { overlapSeconds: 60 });
  expect(rotated!.key.secrets).toEqual([{ createdAt: 1_000, validUntil: 61_000 }, { createdAt: 1_000 }]);
  now.ms = 61_000;
  expect((await service.rotate('operator', key.id, { overlapSeconds: 0 }))!.key.secrets).toEqual([
    { createdAt: 61_000 },
  ]);
  for (let i = 0; i < 9; i++) await service.rotate('operator', key.id, { overlapSeconds: 60 });
  expect((await service.list('operator')).keys[0]!.secrets).toHaveLength(5);
  expect(await service.revoke('operator', key.id)).toMatchObject({ revokedAt: 61_000, secrets: [] });
  await expect(service.rotate('operator', key.id)).rejects.toMatchObject({ code: 'forbidden' });
  expect(await service.revoke('operator', key.id)).toMatchObject({ revokedAt: 61_000 });
});
