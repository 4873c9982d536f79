import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { cannotCheck } from './refusal.ts';

export interface RemoteKeySetOptions {
  url: string;
  /** Monotonic milliseconds. */
  now(): number;
  /** It could not be had; keys that are known go on being used. */
  onTrouble(error: unknown): void;
}

/** The set is asked for again when it is older than this, while the old one serves. */
const freshMs = 10 * 60_000;
/** Between two requests, whatever tokens ask for; milliseconds. */
const cooldownMs = 30_000;
const failedCooldownMs = 5_000;
const fetchMs = 5_000;
const maxBytes = 512 * 1024;

/**
 * The keys of an issuer, from the address in the configuration. An unknown `kid` asks again, as keys may have been
 * exchanged, but not more often than the cooldown. While the server is away the keys that are known go on; without any
 * it throws `overloaded`, which can be tried again.
 */
export function createRemoteKeySet({ url, now, onTrouble }: RemoteKeySetOptions): JWTVerifyGetKey {
  let known: JWTVerifyGetKey | undefined;
  let loading: Promise<void> | undefined;
  let loadedMs = 0;
  let nextMs = Number.NEGATIVE_INFINITY;

  function load(): Promise<void> {
    loading ??= fetchKeySet(url)
      .then(createLocalJWKSet)
      .then(
        (keySet) => {
          known = keySet;
          loadedMs = now();
          nextMs = loadedMs + cooldownMs;
        },
        (error: unknown) => {
          nextMs = now() + failedCooldownMs;
          onTrouble(error);
          throw error;
        },
      )
      .finally(() => {
        loading = undefined;
      });
    return loading;
  }

  /** The keys, asked for again where that is allowed; those of before where nobody answers. */
  async function renew(): Promise<JWTVerifyGetKey> {
    if (loading !== undefined || now() >= nextMs) {
      const failure = await load().then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (known === undefined) throw cannotCheck(failure?.error, failedCooldownMs);
    }
    if (known === undefined) throw cannotCheck(undefined, Math.max(1, Math.ceil(nextMs - now())));
    return known;
  }

  return async (header, token) => {
    const keys = known ?? (await renew());
    if (now() - loadedMs > freshMs && now() >= nextMs) load().catch(() => {});
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || (loading === undefined && now() < nextMs)) throw error;
      return (await renew())(header, token);
    }
  };
}

async function fetchKeySet(url: string): Promise<JSONWebKeySet> {
  const answer = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(fetchMs),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (!answer.ok || answer.body === null) throw new Error(`the key set was answered with ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error('the key set is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as JSONWebKeySet;
}
