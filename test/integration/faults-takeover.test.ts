import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { createRedisKeys } from '../../src/store/redis/keys.ts';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { checkRun, printVerdict } from '../support/checker.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startFleet } from '../support/node-fleet.ts';
import { Observer } from '../support/observer.ts';
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

test('a client keeps what it has seen until the node that is gone is taken over, however late that is', async () => {
  const upstream = createScriptedUpstream(tellTruth(20));
  const proxy = await startFaultProxy(redis.port);
  const options = { upstreamObjects: [upstream], redisPrefix: `k${process.pid}` };
  const dead = await startTestGateway({ ...options, store: `redis://127.0.0.1:${proxy.port}`, leaseMs: 1_000 });
  // a long time for this node is a short one for the test; its own lease is so long that it buries nobody meanwhile
  const hasty: Clock = {
    ...systemClock,
    now: () => systemClock.now() * 10,
    setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 10),
  };
  const other = await startTestGateway({ ...options, store: redis.url, leaseMs: 600_000, clock: hasty });
  const onDead = await RawClient.connect(dead.url);
  const { epoch } = await onDead.attach({ ref: 1, s: 0, session: 'kept', create: {} });
  onDead.send({ t: 'turn', s: 0, id: newTurnId(), input: 'go' });
  await onDead.next('delta', (delta) => delta.pos > 30);
  proxy.blackhole();
  const cursor = checkContiguous(onDead.frames, 0, 0);
  const onOther = await RawClient.connect(other.url);
  const attach = { t: 'attach', s: 0, session: 'kept', epoch, after: cursor } as const;
  onOther.send({ ...attach, ref: 1 });
  expect(await onOther.next('error')).toMatchObject({ ref: 1, code: 'store_unavailable', retryable: true });
  const heir = await startTestGateway({ ...options, store: redis.url, leaseMs: 500 });
  onOther.send({ ...attach, ref: 2 });
  expect(await onOther.next('attached')).toMatchObject({ ref: 2, outcome: 'resumed', from: cursor });
  expect(await onOther.next('turn.ended')).toMatchObject({ status: 'interrupted' });
  checkContiguous(onOther.frames, 0, cursor);
  expect(heir.stats().turns).toBe(0);
  proxy.heal();
  proxy.reset();
  expect((await onDead.closed).code).toBe(4005);
});

test('a node that is killed while it takes another over is taken over itself, with what it had taken', async () => {
  const seed = Number(process.env.PARLEY_SEED ?? 1);
  const fleet = await startFleet({ redis, seed, tokens: 400, intervalMs: 20 });
  const [first] = fleet.nodes;
  const names = Array.from({ length: 60 }, (_, i) => `s${i}`);
  let at = 0;
  // all on the first node at first
  const url = (): string => (at++ < names.length ? first!.url : fleet.url());
  const observers = await Promise.all(
    names.map((name) => Observer.start({ url, sessions: [name], random: fleet.random })),
  );
  const turns = new Map(names.map((name) => [name, [fleet.newTurnId()]]));
  for (const [i, name] of names.entries()) observers[i]!.send(name, { id: turns.get(name)![0]!, input: 'go' });
  await until(() => observers.every((observer, i) => observer.cursorOf(names[i]!) > 20));
  const keys = createRedisKeys(fleet.prefix);
  const dead = (await fleet.admin.hget(keys.session({ tenant: 'default', session: 's0' }), 'owner'))!;
  fleet.takeOut(first!);
  first!.kill('SIGKILL');
  let digger: string | null = null;
  while (digger === null) digger = await fleet.admin.get(keys.grave(dead));
  const second = fleet.nodes.find((node) => node.log().includes(`"node":"${digger}"`))!;
  fleet.takeOut(second);
  second.kill('SIGKILL');
  const run = { fleet, turns, observers };
  const verdict = await checkRun(run);
  printVerdict('two nodes killed, the second while it took the first over', run, verdict);
  expect(verdict.ends).toEqual({ interrupted: names.length });
});
