import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type JWTHeaderParameters, SignJWT } from 'jose';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';

export const issuer = 'https://issuer.example';
export const audience = 'parley';
/** Of another issuer of the same gateway, which shares a secret with it. */
export const sharedIssuer = 'https://shared.example';
const sharedSecret = 'a secret of more than thirty-two characters';

/** Two keys of an issuer, and what the gateway is told of them. */
export interface CredentialScene {
  auth: NonNullable<GatewayOptions['auth']>;
  publicPem: string;
  publicJwk: object;
  /** A token that is good, but for what is given. */
  token(claims?: Record<string, unknown>, made?: TokenMaking): Promise<string>;
  sharedToken(claims?: Record<string, unknown>): Promise<string>;
}

export interface TokenMaking {
  header?: Partial<JWTHeaderParameters>;
  key?: KeyObject | Uint8Array;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

export function goodClaims(): Record<string, unknown> {
  return {
    iss: issuer,
    aud: audience,
    sub: 'alice',
    tenant: 'acme',
    roles: ['owner'],
    iat: nowSeconds(),
    exp: nowSeconds() + 600,
  };
}

export function createCredentialScene(): CredentialScene {
  const first = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const second = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const jwkOf = (key: KeyObject, kid: string): Record<string, unknown> => ({
    ...key.export({ format: 'jwk' }),
    kid,
    alg: 'RS256',
    use: 'sig',
  });
  const publicJwk = jwkOf(first.publicKey, 'first');
  return {
    auth: {
      issuers: [
        { issuer, audience, algorithms: ['RS256'], jwks: { keys: [publicJwk, jwkOf(second.publicKey, 'second')] } },
        { issuer: sharedIssuer, audience, algorithms: ['HS256'], secret: sharedSecret },
      ],
    },
    publicPem: first.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    publicJwk,
    token: (claims = {}, { header = {}, key = first.privateKey } = {}) =>
      new SignJWT({ ...goodClaims(), ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'first', ...header } as JWTHeaderParameters)
        .sign(key, { crit: { 'x-own': true } }),
    sharedToken: (claims = {}) =>
      new SignJWT({ ...goodClaims(), iss: sharedIssuer, ...claims })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(sharedSecret)),
  };
}
