import { describe, expect, test } from 'vitest';
import type { Auth } from '../../protocol/frames/hello.ts';
import { createAuditTrail } from '../support/audit-trail.ts';
import { type BadCredential, canary, createBadCredentials } from '../support/bad-credentials.ts';
import { createCredentialScene } from '../support/credential-scene.ts';
import { connectWith, refusalOf } from '../support/say-hello.ts';
import { startTestGateway } from '../support/test-gateway.ts';

const scene = createCredentialScene();

/** The same refusal, whatever is wrong. */
const refusal = {
  frames: [
    {
      t: 'error',
      code: 'unauthorized',
      message: 'The credential is missing, wrong or expired.',
      retryable: false,
    },
  ],
  code: 4201,
  reason: 'the credential was refused',
};

const authOf = ({ kind, text }: BadCredential): Auth =>
  kind === 'key' ? { key: text } : kind === 'token' ? { token: text } : { ticket: text };

describe.each(['uws', 'ws'] as const)('over %s', (transport) => {
  const start = async () => {
    const trail = createAuditTrail();
    const gateway = await startTestGateway({
      auth: scene.auth,
      transport,
      origins: ['*'],
      audit: trail.audit,
      logger: trail.logger,
    });
    return { gateway, trail };
  };

  test('every bad credential is refused alike, and the audit log alone says why', async () => {
    const { gateway, trail } = await start();
    const bad = await createBadCredentials(scene, gateway);
    for (const credential of bad) {
      const noted = trail.entries.length;
      // longer texts than the wire takes are refused as frames
      if (credential.text.length > (credential.kind === 'token' ? 16_384 : 1_024)) continue;
      const options = credential.origin === undefined ? {} : { headers: { origin: credential.origin } };
      expect(await refusalOf(gateway.url, authOf(credential), options), credential.name).toEqual(refusal);
      expect(trail.entries.slice(noted), credential.name).toEqual([
        expect.objectContaining({ act: 'credential.refused', address: '127.0.0.1', reason: expect.any(String) }),
      ]);
    }
    expect(trail.text()).not.toContain(canary);
    for (const { text, name } of bad)
      if (text.length > 20) expect(trail.text().includes(text.slice(-20)), name).toBe(false);
  });

  test('in the header of the request they are refused as well', async () => {
    const { gateway, trail } = await start();
    for (const { kind, text, name } of await createBadCredentials(scene, gateway)) {
      if (kind === 'ticket' || text === '' || text.length > 4_096) continue;
      const headers = { authorization: `Bearer ${text}` };
      expect(await refusalOf(gateway.url, undefined, { headers }), name).toEqual(refusal);
    }
    expect(trail.text()).not.toContain(canary);
  });

  test('nobody comes in without a credential, nor with a text that is none', async () => {
    const { gateway } = await start();
    expect(await refusalOf(gateway.url)).toEqual(refusal);
    expect(await refusalOf(gateway.url, undefined, { headers: { authorization: 'Basic dXNlcjpwYXNz' } })).toEqual(
      refusal,
    );
  });

  test('a key, a token of each issuer and a ticket are let in, in hello and with the request', async () => {
    const { gateway } = await start();
    const { secret, key } = await gateway.keys.create('operator', { name: 'k', tenant: 'acme', subject: 'bob' });
    const made = { tenant: 'acme', subject: 'x', roles: ['user'], credential: { kind: 'custom' as const } };
    const ticket = async (): Promise<string> => (await gateway.tickets.issue(made, {})).ticket;
    const welcomes = [
      await connectWith(gateway.url, { key: secret }),
      await connectWith(gateway.url, { token: secret }),
      await connectWith(gateway.url, { token: await scene.token() }),
      await connectWith(gateway.url, { token: await scene.token({}, { header: { kid: undefined } }) }).catch(
        () => undefined,
      ),
      await connectWith(gateway.url, { token: await scene.sharedToken({ sub: 'carol' }) }),
      await connectWith(gateway.url, { ticket: await ticket() }),
      await connectWith(gateway.url, undefined, { headers: { authorization: `Bearer ${secret}` } }),
      await connectWith(gateway.url, undefined, { headers: { authorization: `bearer ${await scene.token()}` } }),
      await connectWith(gateway.url, undefined, { protocols: ['parley.v1.msgpack', `ticket.${await ticket()}`] }),
    ];
    const subjects = welcomes.map((client) => client?.all('welcome')[0]?.identity.subject);
    expect(subjects).toEqual(['bob', 'bob', 'alice', undefined, 'carol', 'x', 'bob', 'alice', 'x']);
    expect(welcomes[2]?.all('welcome')[0]?.expiresAt).toBeGreaterThan(Date.now());
    expect(key).not.toHaveProperty('secret');
    expect(JSON.stringify(await gateway.keys.list('operator'))).not.toContain(secret.slice(-20));
  });

  test('a ticket opens one connection, also when many come at once', async () => {
    const { gateway } = await start();
    const made = { tenant: 'acme', subject: 'x', roles: ['user'], credential: { kind: 'custom' as const } };
    const { ticket } = await gateway.tickets.issue(made, {});
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        connectWith(gateway.url, { ticket }).then(
          () => 'welcome',
          () => 'refused',
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'welcome')).toHaveLength(1);
    expect(await refusalOf(gateway.url, { ticket })).toEqual(refusal);
  });

  test('a ticket that came from another origin is used up', async () => {
    const { gateway } = await start();
    const made = { tenant: 'acme', subject: 'x', roles: ['user'], credential: { kind: 'custom' as const } };
    const { ticket } = await gateway.tickets.issue(made, { origin: 'http://localhost:1' });
    const from = (origin: string) => ({ headers: { origin } });
    expect(await refusalOf(gateway.url, { ticket }, from('http://localhost:2'))).toEqual(refusal);
    expect(await refusalOf(gateway.url, { ticket }, from('http://localhost:1'))).toEqual(refusal);
    const another = await gateway.tickets.issue(made, { origin: 'http://localhost:1' });
    await connectWith(gateway.url, { ticket: another.ticket }, from('http://localhost:1'));
  });
});

test('a gateway on loopback asks nobody, until there is a key', async () => {
  const gateway = await startTestGateway();
  await connectWith(gateway.url);
  await gateway.keys.create('operator', { name: 'first' });
  await expect
    .poll(
      () =>
        connectWith(gateway.url).then(
          () => 'welcome',
          () => 'refused',
        ),
      { interval: 200 },
    )
    .toBe('refused');
});

test('keys of the configuration are let in, by their text or by its hash', async () => {
  const { createHash } = await import('node:crypto');
  const text = 'a-key-that-somebody-made-up';
  const keyHash = createHash('sha256').update(`${text}-2`).digest('hex');
  const gateway = await startTestGateway({
    auth: {
      keys: [
        { name: 'one', key: text, tenant: 'acme', roles: ['viewer'] },
        { name: 'two', keyHash, tenant: 'acme', subject: 'two' },
      ],
    },
  });
  const one = await connectWith(gateway.url, { key: text });
  expect(one.all('welcome')[0]?.identity).toEqual({ tenant: 'acme', subject: 'key:one', roles: ['viewer'] });
  const two = await connectWith(gateway.url, undefined, { headers: { authorization: `Bearer ${text}-2` } });
  expect(two.all('welcome')[0]?.identity.subject).toBe('two');
  expect((await refusalOf(gateway.url, { key: `${text}-3` })).code).toBe(4201);
  expect((await refusalOf(gateway.url)).code).toBe(4201);
});

test.each([
  [{ anonymous: true }, 'welcome'],
  [{ anonymous: false }, 'refused'],
  [{ anonymous: 'loopback' }, 'refused'],
  [{}, 'refused'],
] as const)('on an address for everybody, %j: %s', async (auth, outcome) => {
  const gateway = await startTestGateway({ host: '0.0.0.0', auth });
  const url = `http://127.0.0.1:${gateway.port}`;
  expect(
    await connectWith(url, undefined).then(
      () => 'welcome',
      () => 'refused',
    ),
  ).toBe(outcome);
});

test('a program that knows its users itself is asked alone, and can hand out tickets', async () => {
  const gateway = await startTestGateway({
    authenticate: (auth) => ({ tenant: 'own', subject: JSON.stringify(auth ?? null), roles: ['chat'] }),
  });
  const client = await connectWith(gateway.url, { key: 'anything' });
  expect(client.all('welcome')[0]?.identity).toEqual({ tenant: 'own', subject: '{"key":"anything"}', roles: ['chat'] });
  const made = { tenant: 'own', subject: 'u', roles: ['chat'], credential: { kind: 'custom' as const } };
  const { ticket } = await gateway.tickets.issue(made, {});
  const second = await connectWith(gateway.url, { ticket });
  expect(second.all('welcome')[0]?.identity.subject).toBe('u');
});
