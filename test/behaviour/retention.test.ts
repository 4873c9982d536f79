import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import type { Gateway, GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';

let redis: RedisServer | undefined;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.stop());

let prefixes = 0;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const aMoment = 0.5 / 86_400;

describe.each(['embedded', 'redis'] as const)('what retention removed, with the %s store', (kind) => {
  async function start(retention: GatewayOptions['retention']) {
    const upstream = createScriptedUpstream(answerWith(['all ', 'good']));
    const store = kind === 'redis' ? { store: redis!.url, redisPrefix: `keeps${prefixes++}` } : {};
    const data = temporaryDirectory();
    const options = { upstreamObjects: [upstream], retention: { tidyMs: 50, ...retention }, data, ...store };
    const gateway = await startTestGateway(options);
    return { upstream, gateway, options, client: await RawClient.connect(gateway.url) };
  }

  async function talk(client: RawClient, count: number): Promise<string[]> {
    const turns: string[] = [];
    for (let i = 0; i < count; i++) {
      const id = newTurnId();
      turns.push(id);
      client.send({ t: 'turn', s: 0, id, input: `input ${i}` });
      await client.next('turn.ended', (end) => end.turn === id);
    }
    return turns;
  }

  /** Attaches anew until the log begins at or behind `position`; answers the fresh socket. */
  async function untilStart(gateway: Gateway, position: number): Promise<RawClient> {
    for (;;) {
      const fresh = await RawClient.connect(gateway.url);
      // what it was to read may go just then: then it is closed with 4001
      const attached = await fresh.attach({ ref: 1, s: 0, session: 'one' }).catch((error: Error) => {
        if (!error.message.includes('closed with 4001')) throw error;
      });
      if (attached !== undefined && attached.from >= position) return fresh;
      await fresh.close();
      await sleep(20);
    }
  }

  async function usedAt({ data, redisPrefix }: { data: string; redisPrefix?: string }): Promise<number> {
    if (kind === 'redis') {
      const raw = new Redis(redis!.url);
      const at = await raw.hget(`${redisPrefix}:{default:one}`, 'usedAt');
      raw.disconnect();
      return Number(at);
    }
    const store = openEmbeddedStore({ directory: data });
    const [use] = await store.listSessions('default', 0, 1);
    const at = Date.now() - use!.idleMs;
    await store.close();
    return at;
  }

  test('turns beyond the number: a fresh attach begins with the first that is left, an old cursor is told snapshot', async () => {
    const { gateway, client, upstream } = await start({ maxTurns: 3 });
    const { epoch } = await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
    const turns = await talk(client, 8);
    const accepted = client.all('turn.accepted').find((event) => event.turn === turns[5])!;
    const fresh = await untilStart(gateway, accepted.pos);
    expect(fresh.all('attached')[0]).toMatchObject({ outcome: 'resumed', from: accepted.pos });
    expect(checkContiguous(fresh.frames, 0, accepted.pos)).toBe(checkContiguous(client.frames, 0, 0));
    expect(textOf(fresh.frames, turns[7]!)).toBe('all good');
    for (const after of [0, 1, accepted.pos - 1]) {
      const old = await RawClient.connect(gateway.url);
      const attached = await old.attach({ ref: 1, s: 0, session: 'one', epoch, after });
      expect(attached).toMatchObject({ outcome: 'snapshot', from: accepted.pos, epoch });
      checkContiguous(old.frames, 0, accepted.pos);
    }
    const exact = await RawClient.connect(gateway.url);
    expect(await exact.attach({ ref: 1, s: 0, session: 'one', epoch, after: accepted.pos })).toMatchObject({
      outcome: 'resumed',
    });
    client.send({ t: 'history', ref: 9, s: 0 });
    const history = await client.next('history');
    expect(history.turns.map(({ turn }) => turn)).toEqual(turns.slice(5).toReversed());
    expect(history.next).toBeUndefined();
    // and what is gone is not sent upstream
    await talk(client, 1);
    expect(upstream.calls.at(-1)!.request.messages).toHaveLength(7);
    expect(client.all('turn.routed').at(-1)!.window).toMatchObject({ turns: 3, dropped: 5 });
  });

  test('policy none goes on with what is left', async () => {
    const { client, upstream } = await start({ maxTurns: 2 });
    await client.attach({ ref: 1, s: 0, session: 'one', create: { settings: { window: { policy: 'none' } } } });
    await talk(client, 6);
    expect(client.all('turn.ended').map(({ status }) => status)).toEqual(Array(6).fill('completed'));
    expect(upstream.calls.length).toBe(6);
  });

  test('a pin goes with its turn, and attachments are told', async () => {
    const { gateway, client } = await start({ maxTurns: 2 });
    await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
    const [pinned] = await talk(client, 1);
    client.send({ t: 'pin', ref: 2, s: 0, turn: pinned!, pinned: true });
    await client.next('pinned');
    await talk(client, 3);
    const told = client.all('pinned').find((frame) => !frame.pinned);
    expect(told ?? (await client.next('pinned', (frame) => !frame.pinned))).toMatchObject({ turn: pinned });
    const fresh = await RawClient.connect(gateway.url);
    expect((await fresh.attach({ ref: 1, s: 0, session: 'one' })).pinned).toBeUndefined();
  });

  test('a window of which a part was removed is not shown as something else', async () => {
    const { gateway, client } = await start({ maxTurns: 3 });
    const settings = { window: { maxTokens: 60 } };
    await client.attach({ ref: 1, s: 0, session: 'one', create: { settings } });
    const [pinned] = await talk(client, 1);
    client.send({ t: 'pin', ref: 2, s: 0, turn: pinned!, pinned: true });
    await client.next('pinned');
    const turns = await talk(client, 3);
    const removed = client.all('turn.accepted').find(({ turn }) => turn === turns[0])!;
    await untilStart(gateway, removed.pos);
    client.send({ t: 'window', ref: 3, s: 0, turn: turns[1]! });
    expect(await client.next('error')).toMatchObject({ ref: 3, code: 'turn_not_found' });
  });

  test('turns by age, in sessions that nobody uses too', async () => {
    const { gateway, client, options } = await start({ maxAgeDays: aMoment });
    await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
    await talk(client, 3);
    const head = checkContiguous(client.frames, 0, 0);
    await client.close();
    const fresh = await untilStart(gateway, head);
    expect(fresh.all('attached')[0]).toMatchObject({ from: head, head });
    if (kind !== 'redis') return;
    // on another node, which knew nothing of it
    const other = await startTestGateway(options);
    const elsewhere = await RawClient.connect(other.url);
    expect(await elsewhere.attach({ ref: 1, s: 0, session: 'one', after: 0 })).toMatchObject({
      outcome: 'snapshot',
      from: head,
    });
  });

  test('idle sessions, not those that are followed', async () => {
    const { gateway, client } = await start({ idleDays: aMoment });
    const { epoch } = await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
    await talk(client, 1);
    const watching = await RawClient.connect(gateway.url);
    await watching.attach({ ref: 1, s: 0, session: 'watched', create: {} });
    await client.close();
    const probe = await RawClient.connect(gateway.url);
    // an attach would be a use
    await sleep(1_500);
    probe.send({ t: 'attach', ref: 100, s: 9, session: 'one', epoch, after: 1 });
    expect(await probe.next('error')).toMatchObject({ ref: 100, code: 'session_not_found' });
    const made = await probe.attach({ ref: 101, s: 9, session: 'one', epoch, after: 1, create: {} });
    expect(made).toMatchObject({ outcome: 'snapshot', from: 0, head: 0 });
    expect(made.epoch).not.toBe(epoch);
    await watching.attach({ ref: 2, s: 1, session: 'watched' });
    expect(watching.all('error')).toEqual([]);
  });

  test('a session that was followed until the process stopped is not idle then', async () => {
    const { gateway, client, options } = await start({ idleDays: 1 });
    await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
    const before = Date.now();
    await sleep(20);
    await gateway.close();
    expect(await usedAt(options)).toBeGreaterThanOrEqual(before + 20);
  });

  test('a tenant’s sessions beyond its bytes, the longest unused first; another tenant has rules of its own', async () => {
    const { gateway } = await start({ maxTenantBytes: 3_000, tenants: { vip: { maxTenantBytes: 1_000_000 } } });
    for (const session of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const client = await RawClient.connect(gateway.url);
      await client.attach({ ref: 1, s: 0, session, create: {} });
      await talk(client, 2);
      await client.close();
    }
    const probe = await RawClient.connect(gateway.url);
    for (let ref = 1; probe.all('error').length === 0; ref++) {
      await sleep(50);
      probe.send({ t: 'attach', ref, s: 0, session: 'a' }, { t: 'detach', s: 0 });
      probe.send({ t: 'ping', at: ref });
      await probe.next('pong', (pong) => pong.at === ref);
    }
    expect(probe.all('error')[0]).toMatchObject({ code: 'session_not_found' });
    const kept = await probe.attach({ ref: 1_000, s: 5, session: 'f' });
    expect(kept.head).toBeGreaterThan(0);
  });
});
