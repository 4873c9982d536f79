import { expect, onTestFinished, test } from 'vitest';
import { connectWith, refusalOf } from '../support/say-hello.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { startTestGateway } from '../support/test-gateway.ts';

const practice = { name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 } as const;

async function startNodes() {
  const redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  const options = { store: redis.url, redisPrefix: 'nodes', upstreams: [practice] };
  return Promise.all([startTestGateway(options), startTestGateway(options)]);
}

test('a key that one node makes is good on the other, and one that it revokes closes sockets on both', async () => {
  const [one, two] = await startNodes();
  const { key, secret } = await one.keys.create('operator', { name: 'shared' });
  const other = await two.keys.create('operator', { name: 'other' });
  const clients = [await connectWith(one.url, { key: secret }), await connectWith(two.url, { key: secret })];
  const stays = await connectWith(two.url, { key: other.secret });
  const { ticket } = await one.tickets.issue(
    { tenant: 'default', subject: 'u', roles: ['user'], credential: { kind: 'key', id: key.id, secretNumber: 1 } },
    {},
  );
  const byTicket = await connectWith(two.url, { ticket });
  // on the node where none of the sockets of the other is
  await one.keys.revoke('operator', key.id);
  for (const client of [...clients, byTicket]) expect((await client.closed).code).toBe(4201);
  for (const node of [one, two]) expect((await refusalOf(node.url, { key: secret })).code).toBe(4201);
  stays.send({ t: 'ping' });
  await stays.next('pong');
});

test('rotated on one node, the new secret is good on the other at once, and the old one is not', async () => {
  const [one, two] = await startNodes();
  const first = await one.keys.create('operator', { name: 'k' });
  const old = await connectWith(two.url, { key: first.secret });
  const second = await one.keys.rotate('operator', first.key.id, { overlapSeconds: 0 });
  await connectWith(two.url, { key: second!.secret });
  expect((await old.closed).code).toBe(4201);
  expect((await refusalOf(two.url, { key: first.secret })).code).toBe(4201);
});

test('of two that rotate and revoke at once neither undoes the other', async () => {
  const [one, two] = await startNodes();
  for (let round = 0; round < 10; round++) {
    const { key } = await one.keys.create('operator', { name: `k${round}` });
    await Promise.allSettled([
      one.keys.rotate('operator', key.id),
      two.keys.revoke('operator', key.id),
      one.keys.rotate('operator', key.id),
    ]);
    const { keys } = await two.keys.list('operator');
    expect(keys.find(({ id }) => id === key.id)?.revokedAt).toBeTypeOf('number');
  }
});
