import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identityOfClaims } from '../../../src/auth/claims.ts';
import { isCovered, patternsFor } from '../../../src/auth/patterns.ts';
import { createRoles } from '../../../src/auth/permissions.ts';
import { authSettingsSchema, type IssuerSettings } from '../../../src/auth/settings.ts';
import { isLikeAny } from '../../../src/lib/glob.ts';

const base = { issuer: 'https://i.example', audience: 'a', algorithms: ['HS256'], secret: 's'.repeat(32) };

function issuerOf(more: object): IssuerSettings {
  return authSettingsSchema.parse({ issuers: [{ ...base, ...more }] }).issuers[0]!;
}

const claimsOf = (more: object, settings: object = {}) =>
  identityOfClaims({ exp: 1_000, ...more }, issuerOf(settings), createRoles());

test('claims are found by their name, on a way of names, or are given; what is missing is the default', () => {
  const settings = {
    claims: {
      tenant: 'org.id',
      subject: 'https://i.example/user.id',
      roles: 'realm.access.roles',
      tier: { value: 'gold' },
    },
    defaults: { team: 'blue', sessions: ['{subject}-*'] },
  };
  const payload = {
    org: { id: 'acme' },
    'https://i.example/user.id': 'alice',
    realm: { access: { roles: ['user', 'unknown'] } },
    tier: 'free',
  };
  expect(claimsOf(payload, settings)).toEqual({
    tenant: 'acme',
    subject: 'alice',
    roles: ['user', 'unknown'],
    permissions: ['chat', 'history'],
    team: 'blue',
    tier: 'gold',
    sessions: ['alice-*'],
    credential: { kind: 'token' },
    expiresAt: 1_030_000,
  });
});

test('roles may be written as words, and without any nothing is allowed', () => {
  expect(claimsOf({ tenant: 't', sub: 's', roles: 'viewer  erase' })).toMatchObject({
    permissions: ['history', 'erase'],
  });
  expect(claimsOf({ tenant: 't', sub: 's' })).toMatchObject({ roles: [], permissions: [] });
  expect(claimsOf({ tenant: 't', sub: 's' }, { defaults: { roles: ['user'] } })).toMatchObject({ roles: ['user'] });
});

test.each([
  { sub: 's' },
  { tenant: 't' },
  { tenant: 't', sub: '' },
  { tenant: 't', sub: 'with space' },
  { tenant: 't', sub: 'a\nb' },
  { tenant: 't/../u', sub: 's' },
  { tenant: 5, sub: 's' },
  { tenant: 't', sub: 's', roles: 7 },
  { tenant: 't', sub: 's', sessions: { a: 1 } },
  { tenant: 't', sub: 's', models: [''] },
])('a claim that cannot be used lets nobody in: %j', (payload) => {
  expect(() => claimsOf(payload)).toThrow('The credential is missing, wrong or expired.');
});

test('names of properties that every object has are no claims', () => {
  expect(() => claimsOf({ sub: 's' }, { claims: { tenant: 'constructor.name' } })).toThrow();
  expect(() => claimsOf({ sub: 's' }, { claims: { tenant: '__proto__.x' } })).toThrow();
});

test.each([
  [{ algorithms: ['none'] }, 'none'],
  [{ algorithms: ['HS256', 'RS256'] }, 'mixed with a secret'],
  [{ algorithms: ['RS256'] }, 'a secret for public keys'],
  [{ secret: undefined, jwksUrl: 'https://i.example/keys' }, 'public keys for HS256'],
  [{ secret: 'short' }, 'a short secret'],
  [{ secret: undefined }, 'no keys'],
  [{ jwksUrl: 'https://i.example/keys' }, 'two sources of keys'],
  [{ secret: undefined, algorithms: ['RS256'], jwksUrl: 'http://i.example/keys' }, 'keys in the clear'],
])('settings that would be unsafe are refused: %j (%s)', (more, _name) => {
  expect(authSettingsSchema.safeParse({ issuers: [{ ...base, ...more }] }).success).toBe(false);
});

test('what patterns cover is covered for every name', () => {
  const part = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 5 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), fc.array(part, { maxLength: 3 }), name, (asked, held, text) => {
      fc.pre(isCovered(asked, held) && isLikeAny(asked)(text));
      expect(isLikeAny(held)(text)).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(isCovered(['gpt-4*', 'o1'], ['gpt-*', 'o1'])).toBe(true);
  expect(isCovered(['*'], ['gpt-*'])).toBe(false);
  expect(isCovered(undefined, ['gpt-*'])).toBe(false);
  expect(isCovered(['anything'], undefined)).toBe(true);
});

test('a subject that could be read otherwise is in no pattern', () => {
  expect(patternsFor('alice', ['{subject}-*', 'shared'])).toEqual(['alice-*', 'shared']);
  for (const subject of ['*', 'a*', 'a.b', 'a b', '{subject}'])
    expect(patternsFor(subject, ['{subject}-*'])).toEqual([]);
  expect(patternsFor('alice', undefined)).toBeUndefined();
});
