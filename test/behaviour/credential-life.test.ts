import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { createAuditTrail } from '../support/audit-trail.ts';
import { createCredentialScene } from '../support/credential-scene.ts';
import { connectWith, refusalOf } from '../support/say-hello.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

const scene = createCredentialScene();
const slow = { name: 'practice', wire: 'practice', tokensPerSecond: 20, firstTokenMs: 0 } as const;
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
const noTolerance = { issuers: scene.auth.issuers!.map((issuer) => ({ ...issuer, clockToleranceSeconds: 0 })) };

/** A gateway whose wall clock can be set, and what it notes. */
async function start(more: Parameters<typeof startTestGateway>[0] = {}) {
  const trail = createAuditTrail();
  let ahead = 0;
  const gateway = await startTestGateway({
    upstreams: [slow],
    auth: noTolerance,
    audit: trail.audit,
    clock: { ...systemClock, wall: () => Date.now() + ahead },
    ...more,
  });
  const acts = (): string[] => trail.entries.map(({ act }) => act);
  return { gateway, trail, acts, jump: (ms: number) => (ahead += ms) };
}

test.each(['uws', 'ws'] as const)(
  'a token that expires closes its socket with 4200, and the turn goes on (%s)',
  async (transport) => {
    const { gateway, acts } = await start({ transport });
    const client = await connectWith(gateway.url, { token: await scene.token({ exp: inSeconds(2) }) });
    expect(client.all('welcome')[0]?.expiresAt).toBeLessThanOrEqual(Date.now() + 2_000);
    await client.attach({ ref: 1, s: 1, session: 's', create: {} });
    const id = newTurnId();
    client.send({ t: 'turn', s: 1, id, input: 'Tell me a long story about the sea and the ships on it.' });
    await client.next('delta');
    expect(await client.closed).toEqual({ code: 4200, reason: 'the credential has expired' });
    expect(client.all('error')).toEqual([]);
    expect(acts()).toEqual(['credential.expired']);
    const next = await connectWith(gateway.url, { token: await scene.token() });
    await next.attach({ ref: 1, s: 1, session: 's' });
    await expect
      .poll(() => next.all('turn.ended').map(({ turn, status }) => ({ turn, status })))
      .toEqual([{ turn: id, status: 'completed' }]);
  },
);

test('a clock that is set forward is noticed with the next frame', async () => {
  const { gateway, jump } = await start();
  const client = await connectWith(gateway.url, { token: await scene.token() });
  await client.attach({ ref: 1, s: 1, session: 's', create: {} });
  jump(3_600_000);
  client.send({ t: 'history', ref: 2, s: 1 });
  expect((await client.closed).code).toBe(4200);
  expect(client.all('history')).toEqual([]);
});

test('an end that is further away than a timer reaches does not close the socket', async () => {
  const { gateway } = await start();
  const client = await connectWith(gateway.url, { token: await scene.token({ exp: inSeconds(400 * 24 * 3_600) }) });
  await client.attach({ ref: 1, s: 1, session: 's', create: {} });
  client.send({ t: 'ping', at: 1 });
  await client.next('pong');
});

test('a new credential on the same socket takes the place of the old one', async () => {
  const { gateway, acts } = await start();
  const client = await connectWith(gateway.url, { token: await scene.token({ exp: inSeconds(3) }) });
  await client.attach({ ref: 1, s: 1, session: 's', create: {} });
  const exp = inSeconds(600);
  client.send({ t: 'auth', ref: 2, token: await scene.token({ exp }) });
  expect(await client.next('authenticated')).toEqual({ t: 'authenticated', ref: 2, expiresAt: exp * 1_000 });
  await expect.poll(() => Date.now() / 1_000 > exp - 596, { interval: 100 }).toBe(true);
  client.send({ t: 'history', ref: 3, s: 1 });
  await client.next('history');
  expect(acts()).toEqual(['credential.renewed']);
});

test('a new credential of somebody else, or a bad one, is refused, and the old one goes on', async () => {
  const { gateway, acts } = await start();
  const client = await connectWith(gateway.url, { token: await scene.token() });
  const answers = [
    [await scene.token({ sub: 'bob' }), 'forbidden'],
    [await scene.token({ tenant: 'umbra' }), 'forbidden'],
    [await scene.token({ exp: 1 }), 'unauthorized'],
    ['nonsense', 'unauthorized'],
  ] as const;
  for (const [i, [token, code]] of answers.entries()) {
    client.send({ t: 'auth', ref: i, token });
    expect(await client.next('error')).toMatchObject({ ref: i, code });
  }
  await client.attach({ ref: 9, s: 1, session: 's', create: {} });
  expect(acts()).toEqual(['forbidden', 'forbidden', 'credential.refused', 'credential.refused']);
});

test('a new credential that sees less ends the attachments that it does not see', async () => {
  const { gateway } = await start();
  const client = await connectWith(gateway.url, { token: await scene.token() });
  await client.attach({ ref: 1, s: 1, session: 'a', create: {} });
  await client.attach({ ref: 2, s: 2, session: 'b', create: {} });
  client.send({ t: 'auth', ref: 3, token: await scene.token({ sessions: ['a'] }) });
  expect(await client.next('error')).toMatchObject({ s: 2, code: 'session_not_found' });
  client.send({ t: 'history', ref: 4, s: 2 });
  expect(await client.next('error')).toMatchObject({ ref: 4, code: 'alias_unknown' });
  client.send({ t: 'history', ref: 5, s: 1 });
  await client.next('history');
});

test('a revoked key closes its sockets, those of its tickets too, and no others', async () => {
  const { gateway, acts } = await start();
  const { key, secret } = await gateway.keys.create('operator', { name: 'one' });
  const other = await gateway.keys.create('operator', { name: 'two' });
  const client = await connectWith(gateway.url, { key: secret });
  const stays = await connectWith(gateway.url, { key: other.secret });
  const issuer = { tenant: 'default', subject: 'u', roles: ['user'] };
  const credential = { kind: 'key' as const, id: key.id, secretNumber: 1 };
  const { ticket } = await gateway.tickets.issue({ ...issuer, credential }, {});
  const unused = await gateway.tickets.issue({ ...issuer, credential }, {});
  const byTicket = await connectWith(gateway.url, { ticket });
  await gateway.keys.revoke('operator', key.id);
  const closed = { code: 4201, reason: 'the credential does not hold any more' };
  expect(await client.closed).toEqual(closed);
  expect(await byTicket.closed).toEqual(closed);
  stays.send({ t: 'ping' });
  await stays.next('pong');
  for (const auth of [{ key: secret }, { ticket: unused.ticket }])
    expect((await refusalOf(gateway.url, auth)).frames).toMatchObject([{ code: 'unauthorized' }]);
  expect(acts().filter((act) => act === 'credential.revoked')).toHaveLength(2);
});

test('a key is rotated with overlap: both secrets are good until the old one ends, with its sockets', async () => {
  const { gateway } = await start();
  const first = await gateway.keys.create('operator', { name: 'one' });
  const old = await connectWith(gateway.url, { key: first.secret });
  const second = await gateway.keys.rotate('operator', first.key.id, { overlapSeconds: 2 });
  const fresh = await connectWith(gateway.url, { key: second!.secret });
  await connectWith(gateway.url, { key: first.secret });
  expect((await old.closed).code).toBe(4201);
  expect((await refusalOf(gateway.url, { key: first.secret })).code).toBe(4201);
  fresh.send({ t: 'ping' });
  await fresh.next('pong');
});

test('a ticket gives no more than its issuer has, and its connection ends with the issuer', async () => {
  const { gateway } = await start();
  const expiresAt = Date.now() + 60_000;
  const issuer = {
    tenant: 'acme',
    subject: 'backend',
    roles: ['user'],
    tier: 'free',
    models: ['gpt-*'],
    sessions: ['app-*'],
    limits: { turnsPerMinute: 10 },
    credential: { kind: 'key' as const },
    expiresAt,
  };
  const refused = [
    { roles: ['owner'] },
    { roles: ['admin'] },
    { roles: ['operator'] },
    { tier: 'premium' },
    { models: ['*'] },
    { models: ['gpt-4', 'claude'] },
    { sessions: ['*'] },
    { sessions: ['{subject}-*'], subject: 'bob' },
  ];
  for (const request of refused)
    await expect(gateway.tickets.issue(issuer, request), JSON.stringify(request)).rejects.toMatchObject({
      code: 'forbidden',
    });
  const { ticket } = await gateway.tickets.issue(issuer, {
    subject: 'bob',
    roles: ['viewer'],
    models: ['gpt-4*'],
    sessions: ['app-{subject}-*'],
    connectionSeconds: 3_600,
  });
  const client = await connectWith(gateway.url, { ticket });
  expect(client.all('welcome')[0]).toMatchObject({
    identity: { tenant: 'acme', subject: 'bob', roles: ['viewer'] },
    expiresAt,
  });
  for (const kind of ['ticket', 'anonymous'] as const)
    await expect(gateway.tickets.issue({ ...issuer, credential: { kind } }, {})).rejects.toMatchObject({
      code: 'forbidden',
    });
  await expect(
    gateway.tickets.issue({ ...issuer, credential: { kind: 'token' } }, { subject: 'bob' }),
  ).rejects.toMatchObject({ code: 'forbidden' });
});

test('an issuer whose keys cannot be had refuses for the moment, and says no more than that', async () => {
  const { gateway } = await start({
    auth: {
      issuers: [
        {
          issuer: 'https://issuer.example',
          audience: 'parley',
          algorithms: ['RS256'],
          jwksUrl: 'http://127.0.0.1:1/keys',
        },
      ],
    },
  });
  const refusal = await refusalOf(gateway.url, { token: await scene.token() });
  expect(refusal.code).toBe(4004);
  expect(refusal.frames).toEqual([
    {
      t: 'error',
      code: 'overloaded',
      message: 'Credentials cannot be checked now; try again.',
      retryable: true,
      retryAfterMs: expect.any(Number),
    },
  ]);
});

test('a credential that takes too long to check is told to come again', async () => {
  const { gateway } = await start({ auth: { timeoutMs: 100 }, authenticate: () => new Promise<never>(() => {}) });
  expect((await refusalOf(gateway.url, { key: 'x' })).code).toBe(4004);
});

test('frames that come too fast are answered now and then, and the socket that goes on is closed', async () => {
  const { gateway } = await start({ auth: {}, limits: { framesPerSecond: 10 } });
  const client = await connectWith(gateway.url);
  client.send(...Array.from({ length: 60 }, (_, at) => ({ t: 'ping' as const, at })));
  await client.next('error', ({ code }) => code === 'rate_limited');
  await client.next('error', ({ code }) => code === 'rate_limited');
  expect(client.all('error').length).toBeLessThanOrEqual(10);
  expect(client.all('pong').length).toBeGreaterThanOrEqual(30);
  // after a pause it goes on
  await expect
    .poll(
      () => {
        client.send({ t: 'ping', at: 1_000 });
        return client.all('pong').some(({ at }) => at === 1_000);
      },
      { interval: 300 },
    )
    .toBe(true);
  for (let i = 0; i < 10; i++) client.send(...Array.from({ length: 60 }, () => ({ t: 'ping' as const })));
  expect((await client.closed).code).toBe(4305);
});
