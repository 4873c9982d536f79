import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { SharedStore, TurnEntry, TurnRecord } from '../../src/store/contract.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

let redis: RedisServer;
let raw: Redis;
beforeAll(async () => {
  redis = await startRedisServer();
  raw = new Redis(redis.url);
});
afterAll(() => {
  raw.disconnect();
  return redis.stop();
});

let prefixes = 0;
const key = { tenant: 'acme', session: 's' };
const usage = { input: 1, output: 1, reasoning: 0, cached: 0, source: 'counted' } as const;

async function openTwo() {
  const prefix = `whole${prefixes++}`;
  const open = async (node: string, leaseMs = 60_000): Promise<SharedStore> => {
    const store = await openRedisStore({ url: redis.url, prefix, node, leaseMs });
    onTestFinished(() => store.close());
    return store;
  };
  return { prefix, open, a: await open('a'), b: await open('b') };
}

function recordOf(turn: string, node: string): TurnRecord {
  return {
    turn,
    fingerprint: 'f',
    frame: { id: turn, input: 'x' },
    who: { subject: 'tester' },
    acceptedAt: 1_000,
    node,
  };
}

test('a session that was erased and made anew, of which a node heard nothing, is no loss', async () => {
  const { prefix, a } = await openTwo();
  const upstream = createScriptedUpstream(answerWith(['all ', 'good']));
  const gateway = await startTestGateway({ store: redis.url, redisPrefix: prefix, upstreamObjects: [upstream] });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
  const [first, second] = [newTurnId(), newTurnId()];
  client.send({ t: 'turn', s: 0, id: first, input: 'x' });
  await client.next('turn.ended');
  const one = { tenant: 'default', session: 'one' };
  const generation = await a.generation('', false);
  await a.deleteSession(one);
  await a.createSession(one, {}, 'another', 1);
  client.send({ t: 'turn', s: 0, id: second, input: 'y' });
  expect(await client.next('error')).toMatchObject({ turn: second, code: 'session_not_found' });
  await client.next('deleted');
  expect(await a.generation('', false)).toBe(generation);
  await client.attach({ ref: 2, s: 0, session: 'one' });
  expect(await client.next('turn.ended')).toMatchObject({ turn: second, status: 'failed' });
});

async function claim(store: SharedStore, turn: string) {
  return store.claim({ ...key, record: recordOf(turn, store.node), onBusy: 'reject', maxQueuedTurns: 9 });
}

async function end(store: SharedStore, turn: string, pos: number): Promise<void> {
  const entry: TurnEntry = {
    turn,
    fingerprint: 'f',
    events: [
      { t: 'turn.accepted', pos, turn, input: 'x', at: 1_000 },
      { t: 'turn.ended', pos: pos + 1, turn, status: 'completed', usage, timing: { queuedMs: 0, totalMs: 1 } },
    ],
    inputTokens: 1,
    outputTokens: 1,
  };
  await store.end({ ...key, entry, status: 'completed', head: pos + 2 });
}

test('a turn that was sent again by way of another node is not missed there when it was removed', async () => {
  const { a, b } = await openTwo();
  await a.createSession(key, {}, 'epoch', 1);
  await claim(a, 'one');
  expect(await claim(b, 'one')).toMatchObject({ outcome: 'duplicate' });
  await end(a, 'one', 0);
  expect(await a.retain(key, { maxTurns: 0 })).toMatchObject({ removed: 1 });
  expect([await a.intact(), await b.intact()]).toEqual([true, true]);
});

test('a session that another node erased is not missed when that is not remembered any more', async () => {
  const { a, b, prefix } = await openTwo();
  await a.createSession(key, {}, 'epoch', 1);
  await claim(a, 'one');
  await end(a, 'one', 0);
  expect(await b.expire(key, 0)).toBe(true);
  expect(await a.intact()).toBe(true);
  await raw.del(`${prefix}:{acme:s}:erased`);
  expect(await a.intact()).toBe(true);
});

test('what was written long ago is not looked for', async () => {
  const { a, b, prefix } = await openTwo();
  await a.createSession(key, {}, 'epoch', 1);
  await claim(a, 'one');
  await end(a, 'one', 0);
  await b.deleteSession(key);
  await raw.del(`${prefix}:{acme:s}:erased`);
  const now = performance.now.bind(performance);
  const later = vi.spyOn(performance, 'now').mockImplementation(() => now() + 13 * 60 * 60_000);
  onTestFinished(() => later.mockRestore());
  expect(await a.intact()).toBe(true);
});

test('the followers of a node that died keep a session as if they had just gone', async () => {
  const { a, b, open } = await openTwo();
  const dead = await open('dead', 200);
  await a.createSession(key, {}, 'epoch', 1);
  await dead.setFollowing(key, { writers: 1, viewers: 0 });
  expect(await a.expire(key, 0)).toBe(false);
  await expect.poll(() => a.isAlive('dead')).toBe(false);
  await b.setFollowing(key, { writers: 0, viewers: 1 });
  expect(await a.expire(key, 0)).toBe(false);
  await b.setFollowing(key, undefined);
  expect(await a.expire(key, 60_000)).toBe(false);
  expect(await a.expire(key, 0)).toBe(true);
});
