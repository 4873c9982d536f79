import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createRedisKeys } from '../../src/store/redis/keys.ts';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/persistent-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { tellTruth, truthOf } from '../support/truth.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

test('a node that is drained while it takes another over finishes that first', async () => {
  const upstream = { ...createScriptedUpstream(tellTruth(40)), acceptsPrefix: false };
  const redisPrefix = `t${process.pid}`;
  const keys = createRedisKeys(redisPrefix);
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const proxies = [await startFaultProxy(redis.port), await startFaultProxy(redis.port)] as const;
  const options = { upstreamObjects: [upstream], onCrash: 'end', redisPrefix, leaseMs: 1_000 } as const;
  const [dead, taker] = await Promise.all(
    proxies.map(({ port }) => startTestGateway({ ...options, store: `redis://127.0.0.1:${port}` })),
  );
  // this one looks for dead nodes so seldom that the other one is first
  const last = await startTestGateway({ ...options, store: redis.url, leaseMs: 60_000 });
  const [onDead, onLast] = [await RawClient.connect(dead!.url), await RawClient.connect(last.url)];
  await onDead.attach({ ref: 1, s: 0, session: 'left', create: {} });
  await onLast.attach({ ref: 1, s: 0, session: 'left' });
  const turn = newTurnId();
  onDead.send({ t: 'turn', s: 0, id: turn, input: 'go' });
  await onLast.next('delta');
  proxies[1].latencyMs = 40;
  proxies[0].blackhole();
  await until(async () => (await admin.exists(keys.grave(dead!.node))) === 1);
  await taker!.drain(100);
  expect(await admin.exists(keys.grave(dead!.node))).toBe(0);
  expect(await admin.sismember(keys.nodes(), dead!.node)).toBe(0);
  expect(await onLast.next('turn.ended')).toMatchObject({ turn, status: 'interrupted', reason: 'node_lost' });
  checkContiguous(onLast.frames, 0, 0);
  expect(truthOf(turn).startsWith(textOf(onLast.frames, turn))).toBe(true);
  proxies[0].heal();
  proxies[0].reset();
  expect((await onDead.closed).code).toBe(4005);
});
