import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../support/http-call.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../../support/test-gateway.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

test('erasing a session at one node tells the sockets of another one and stops the turn that it runs', async () => {
  const upstream = createScriptedUpstream();
  const shared = { store: redis.url, redisPrefix: 'erase', upstreamObjects: [upstream] };
  const [runs, asked, follows] = [
    await startTestGateway(shared),
    await startTestGateway(shared),
    await startTestGateway(shared),
  ];
  const client = await RawClient.connect(runs.url);
  await client.attach({ ref: 1, s: 0, session: 'spread', create: {} });
  client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a', onDetach: { keepMs: 60_000 } });
  const call1 = await upstream.nextCall();
  const viewer = await RawClient.connect(follows.url);
  await viewer.attach({ ref: 1, s: 3, session: 'spread', as: 'viewer' });
  const { status } = await call(asked.url, '/v1/sessions/spread', { method: 'DELETE' });
  expect(status).toBe(200);
  expect(await client.next('deleted')).toMatchObject({ s: 0 });
  expect(await viewer.next('deleted')).toMatchObject({ s: 3 });
  await call1.aborted;
});

test('a turn that nobody follows any more is stopped where it runs', async () => {
  const upstream = createScriptedUpstream();
  const shared = { store: redis.url, redisPrefix: 'alone', upstreamObjects: [upstream] };
  const [runs, asked] = [await startTestGateway(shared), await startTestGateway(shared)];
  const client = await RawClient.connect(runs.url);
  await client.attach({ ref: 1, s: 0, session: 'left', create: {} });
  client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a', onDetach: { keepMs: 60_000 } });
  const running = await upstream.nextCall();
  await client.close();
  await expect.poll(() => runs.stats().connections).toBe(0);
  expect((await call(asked.url, '/v1/sessions/left', { method: 'DELETE' })).status).toBe(200);
  await running.aborted;
  expect((await call(asked.url, '/v1/sessions/left')).status).toBe(404);
});
