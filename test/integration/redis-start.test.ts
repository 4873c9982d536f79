import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { startTestGateway } from '../support/test-gateway.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

describe('a connection to Redis that goes while a gateway starts', () => {
  test('is made anew', async () => {
    const proxy = await startFaultProxy(redis.port);
    let losses = 0;
    proxy.losesReply = (request) => request.includes('memory') && losses++ === 0;
    const gateway = await startTestGateway({ store: `redis://127.0.0.1:${proxy.port}`, redisPrefix: 'again' });
    expect(losses).toBeGreaterThan(0);
    const client = await RawClient.connect(gateway.url);
    expect(await client.attach({ ref: 1, s: 0, session: 'one', create: {} })).toMatchObject({ t: 'attached' });
  });

  test('again and again is told in one sentence', async () => {
    const proxy = await startFaultProxy(redis.port);
    let losses = 0;
    proxy.losesReply = (request) => request.includes('memory') && ++losses > 0;
    await expect(startTestGateway({ store: `redis://127.0.0.1:${proxy.port}` })).rejects.toThrow(
      /^Redis stopped answering while it was looked at; check --store\.$/,
    );
    expect(losses).toBe(3);
  });
});
