import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwtVerify, type JWTVerifyGetKey, SignJWT } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { createRemoteKeySet } from '../../../src/auth/remote-key-set.ts';

interface Served {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

/** A server of key sets whose answer can be exchanged, and a key set that asks it, with a clock that is set by hand. */
async function start() {
  const served: { now: Served; asked: number } = { now: { status: 200, body: '{"keys":[]}' }, asked: 0 };
  const server = createServer((_request, response) => {
    served.asked++;
    response.writeHead(served.now.status, served.now.headers).end(served.now.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const clock = { ms: 0 };
  const troubles: unknown[] = [];
  const keySet = createRemoteKeySet({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    now: () => clock.ms,
    onTrouble: (error) => troubles.push(error),
  });
  return { served, clock, keySet, troubles };
}

function makeKey(kid: string): { kid: string; privateKey: KeyObject; jwk: object } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' } };
}

const servedWith = (...keys: { jwk: object }[]): Served => ({
  status: 200,
  body: JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }),
});

async function verify(keySet: JWTVerifyGetKey, { kid, privateKey }: ReturnType<typeof makeKey>): Promise<string> {
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  return jwtVerify(token, keySet).then(
    () => 'good',
    (error: { code: string }) => error.code,
  );
}

test('asks once for many tokens, and again for a key that it does not know, but not more often than the cooldown', async () => {
  const { served, clock, keySet } = await start();
  const [first, second] = [makeKey('1'), makeKey('2')];
  served.now = servedWith(first);
  expect(await Promise.all(Array.from({ length: 20 }, () => verify(keySet, first)))).toEqual(Array(20).fill('good'));
  expect(served.asked).toBe(1);
  served.now = servedWith(first, second);
  expect(await verify(keySet, second)).toBe('ERR_JWKS_NO_MATCHING_KEY');
  expect(served.asked).toBe(1);
  clock.ms += 31_000;
  expect(await verify(keySet, second)).toBe('good');
  for (let i = 0; i < 50; i++) await verify(keySet, makeKey(`unknown ${i}`));
  expect(served.asked).toBe(2);
});

test('known keys go on while the server is away, and are exchanged when it is back', async () => {
  const { served, clock, keySet, troubles } = await start();
  const [first, second] = [makeKey('1'), makeKey('2')];
  served.now = servedWith(first);
  expect(await verify(keySet, first)).toBe('good');
  served.now = { status: 503, body: '' };
  clock.ms += 3_600_000;
  expect(await verify(keySet, first)).toBe('good');
  await expect.poll(() => troubles.length).toBe(1);
  served.now = servedWith(second);
  clock.ms += 10_000;
  expect(await verify(keySet, second)).toBe('good');
  expect(await verify(keySet, first)).toBe('ERR_JWKS_NO_MATCHING_KEY');
});

test.each([
  ['an error', { status: 500, body: '' }],
  ['a redirect', { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } }],
  ['no JSON', { status: 200, body: '<html>' }],
  ['no key set', { status: 200, body: '{"keys":{}}' }],
  ['far too much', { status: 200, body: ' '.repeat(600_000) }],
])('without any keys it can be tried again: %s', async (_name, answer) => {
  const { served, clock, keySet } = await start();
  served.now = answer;
  const key = makeKey('1');
  expect(await verify(keySet, key)).toBe('overloaded');
  expect(await verify(keySet, key)).toBe('overloaded');
  expect(served.asked).toBe(1);
  served.now = servedWith(key);
  clock.ms += 6_000;
  expect(await verify(keySet, key)).toBe('good');
});
