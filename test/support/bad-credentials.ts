import { generateKeyPairSync } from 'node:crypto';
import type { Identity } from '../../src/auth/contract.ts';
import type { Gateway } from '../../src/gateway/create-gateway.ts';
import { type CredentialScene, goodClaims } from './credential-scene.ts';

/** One that nobody may be let in with. Keys and tokens can also be sent as `Authorization: Bearer`. */
export interface BadCredential {
  name: string;
  kind: 'key' | 'token' | 'ticket';
  text: string;
  /** Of the page that brings it. */
  origin?: string;
}

/** Stands in claims and headers of bad tokens; nothing of it may come into a log. */
export const canary = 'canary-8c1f3a5e';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Every way to come with a wrong credential, against a gateway that is configured by the scene. */
export async function createBadCredentials(
  scene: CredentialScene,
  { keys, tickets }: Pick<Gateway, 'keys' | 'tickets'>,
): Promise<BadCredential[]> {
  const seconds = Math.floor(Date.now() / 1_000);
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const good = await scene.token({ canary });
  const [head = '', body = '', signature = ''] = good.split('.');
  const token = (name: string, text: string): BadCredential => ({ name, kind: 'token', text });
  const signed = async (name: string, ...made: Parameters<CredentialScene['token']>): Promise<BadCredential> =>
    token(name, await scene.token({ canary, ...made[0] }, made[1]));
  const unsigned = (alg: unknown, end = ''): string =>
    `${encode({ alg, typ: 'JWT' })}.${encode({ ...goodClaims(), canary })}.${end}`;
  const confused = (key: string): Promise<string> =>
    scene.token({ canary }, { header: { alg: 'HS256' }, key: new TextEncoder().encode(key) });
  const byStranger = (header: object): { header: object; key: typeof stranger.privateKey } => ({
    header,
    key: stranger.privateKey,
  });
  const strangerJwk = stranger.publicKey.export({ format: 'jwk' });

  const kept = await keys.create('operator', { name: 'kept' });
  const other = await keys.create('operator', { name: 'other' });
  const expired = await keys.create('operator', { name: 'expired', expiresAt: 1 });
  const revoked = await keys.create('operator', { name: 'revoked' });
  await keys.revoke('operator', revoked.key.id);
  const rotated = await keys.create('operator', { name: 'rotated' });
  await keys.rotate('operator', rotated.key.id, { overlapSeconds: 0 });
  const key = (name: string, text: string): BadCredential => ({ name, kind: 'key', text });
  const secretOf = (text: string): string => text.slice(-43);

  const backend: Identity = {
    tenant: 'default',
    subject: 'backend',
    roles: ['user'],
    credential: { kind: 'custom' },
  };
  const ticket = async (name: string, origin: string | undefined, text?: string): Promise<BadCredential> => ({
    name,
    kind: 'ticket',
    text: text ?? (await tickets.issue(backend, { origin: 'http://localhost:1' })).ticket,
    ...(origin === undefined ? {} : { origin }),
  });

  return [
    key('no key at all', ''),
    key('a key of another kind', `sk-${canary}-0123456789`),
    key('an unknown id', `pk_${'0'.repeat(16)}_${secretOf(kept.secret)}`),
    key('the id with another secret', `pk_${kept.key.id}_${secretOf(other.secret)}`),
    key(
      'the id with a secret that begins alike',
      `${kept.secret.slice(0, -1)}${kept.secret.endsWith('A') ? 'B' : 'A'}`,
    ),
    key('a key cut short', kept.secret.slice(0, -1)),
    key('a key with something behind', `${kept.secret}0`),
    key('an expired key', expired.secret),
    key('a revoked key', revoked.secret),
    key('a secret from before a rotation without overlap', rotated.secret),
    key('a token where a key belongs', `${good}0`.slice(0, 1_024)),
    token('unsigned', unsigned('none')),
    token('alg none with a signature', unsigned('none', signature)),
    token('alg nOnE', unsigned('nOnE', signature)),
    token('alg missing', unsigned(undefined, signature)),
    token('alg that is no text', unsigned(['RS256'], signature)),
    token('HS256 with the public key as its secret', await confused(scene.publicPem)),
    token('HS256 with the public JWK as its secret', await confused(JSON.stringify(scene.publicJwk))),
    await signed('the shared issuer with a public key', { iss: 'https://shared.example' }),
    token('another issuer than the one that signed', await scene.sharedToken({ iss: goodClaims().iss, canary })),
    await signed('signed by a stranger', {}, byStranger({})),
    await signed('a key in the header', {}, byStranger({ jwk: strangerJwk })),
    await signed('an address of keys in the header', {}, byStranger({ jku: `https://evil.example/${canary}` })),
    await signed('an address of certificates in the header', {}, byStranger({ x5u: `https://evil.example/${canary}` })),
    await signed('a kid that is a path', {}, byStranger({ kid: '../../../../dev/null' })),
    await signed('a kid like SQL', {}, byStranger({ kid: `' OR 1=1 -- ${canary}` })),
    await signed('a very long kid', {}, byStranger({ kid: canary.repeat(400) })),
    await signed('a kid that is empty', {}, byStranger({ kid: '' })),
    await signed('the kid of another key', {}, { header: { kid: 'second' } }),
    await signed('a critical extension', {}, { header: { crit: ['x-own'], 'x-own': 1 } }),
    await signed('another algorithm of the same key', {}, { header: { alg: 'PS256' } }),
    await signed('expired', { exp: seconds - 3_600 }),
    await signed('not valid yet', { nbf: seconds + 3_600 }),
    await signed('without an end', { exp: undefined }),
    await signed('another audience', { aud: 'somebody-else' }),
    await signed('without an audience', { aud: undefined }),
    await signed('another issuer', { iss: 'https://evil.example' }),
    await signed('an issuer that begins alike', { iss: 'https://issuer.example.evil.example' }),
    await signed('without an issuer', { iss: undefined }),
    await signed('without a subject', { sub: undefined }),
    await signed('without a tenant', { tenant: undefined }),
    await signed('a tenant that is no name', { tenant: '../acme' }),
    await signed('roles that are no names', { roles: [{ admin: true }] }),
    token('cut short', good.slice(0, -10)),
    token('without its signature', `${head}.${body}.`),
    token('a changed body', `${head}.${encode({ ...goodClaims(), sub: canary })}.${signature}`),
    token('four parts', `${good}.${body}`),
    token('no JSON', `${head}.${Buffer.from(canary).toString('base64url')}.${signature}`),
    token('huge', `${head}.${encode({ ...goodClaims(), canary: canary.repeat(700) })}.${signature}`),
    await ticket('an unknown ticket', undefined, `tk_${'0'.repeat(43)}`),
    await ticket('no ticket', undefined, canary),
    await ticket('a ticket without the origin it is bound to', undefined),
    await ticket('a ticket of another origin', 'http://localhost:2'),
  ];
}
