import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, decodeJwt, errors, type JSONWebKeySet, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/contract.ts';
import { identityOfClaims } from './claims.ts';
import type { Identity, Permission } from './contract.ts';
import { Refusal } from './refusal.ts';
import { createRemoteKeySet } from './remote-key-set.ts';
import type { IssuerSettings } from './settings.ts';

export interface TokensOptions {
  issuers: readonly IssuerSettings[];
  permissionsOf(roles: readonly string[]): readonly Permission[];
  clock: Clock;
  logger: Logger;
}

/** As the wire has it. */
const maxTokenLength = 16_384;
const tokenPattern = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export function looksLikeToken(text: string): boolean {
  return text.length <= maxTokenLength && tokenPattern.test(text);
}

/**
 * Checks JSON Web Tokens of the configured issuers (RFC 7519, RFC 8725). Which algorithms and which keys are taken says
 * the configuration alone: `kid` selects among those keys, and the headers that bring or name keys are not looked at.
 * The answer throws `Refusal`, or `overloaded` when the keys of the issuer cannot be had. Throws an `Error` with one
 * sentence for a key set that cannot be read.
 */
export function createTokens(options: TokensOptions): (token: string) => Promise<Identity> {
  const { permissionsOf, clock } = options;
  const issuers = new Map(
    options.issuers.map((settings) => [settings.issuer, { settings, key: keyOf(settings, options) }]),
  );
  return async (token) => {
    if (!looksLikeToken(token)) throw new Refusal('malformed token');
    const issuer = issuers.get(claimedIssuer(token));
    if (issuer === undefined) throw new Refusal('token of an unknown issuer');
    const { settings, key } = issuer;
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer: settings.issuer,
        audience: settings.audience,
        algorithms: settings.algorithms,
        clockTolerance: settings.clockToleranceSeconds,
        currentDate: new Date(clock.wall()),
        requiredClaims: ['exp'],
        ...(settings.type === undefined ? {} : { typ: settings.type }),
      });
      return identityOfClaims(payload, settings, permissionsOf);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      // the code says what was wrong, the message might repeat what the token says
      throw new Refusal(error instanceof errors.JOSEError ? `token: ${reasonOf(error)}` : 'token: unusable');
    }
  };
}

/** What it says of itself, to find the keys with which that is checked. */
function claimedIssuer(token: string): string {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : '';
  } catch {
    throw new Refusal('malformed token');
  }
}

function keyOf(settings: IssuerSettings, { clock, logger }: TokensOptions): JWTVerifyGetKey {
  const { issuer, secret, jwks, jwksFile, jwksUrl } = settings;
  if (secret !== undefined) {
    const key = createSecretKey(Buffer.from(secret, 'utf8'));
    return async () => key;
  }
  if (jwksUrl !== undefined) {
    return createRemoteKeySet({
      url: jwksUrl,
      now: () => clock.now(),
      onTrouble: (error) => logger.warn({ issuer, error }, 'the keys of an issuer cannot be fetched; trying again'),
    });
  }
  try {
    const keySet = jwks ?? (JSON.parse(readFileSync(jwksFile!, 'utf8')) as unknown);
    return createLocalJWKSet(keySet as JSONWebKeySet);
  } catch (cause) {
    throw new Error(`the key set of the issuer ${issuer} cannot be read`, { cause });
  }
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `claim ${error.claim} ${error.reason}`;
  return error.code;
}
