import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { LogEvent } from '../../src/session/log-event.ts';
import type { EndRequest, SessionKey, SharedStore } from '../../src/store/contract.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway } from '../support/test-gateway.ts';

let redis: RedisServer;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedisServer();
  admin = new Redis(redis.url);
});
afterAll(() => {
  admin.disconnect();
  return redis.stop();
});

describe('a node on Redis', () => {
  const prefix = `p${process.pid}`;

  async function openNode(node: string, leaseMs: number, segmentBytes?: number): Promise<SharedStore> {
    const store = await openRedisStore({
      url: redis.url,
      prefix,
      node,
      leaseMs,
      ...(segmentBytes && { segmentBytes }),
    });
    onTestFinished(() => store.close());
    return store;
  }

  const expired = async (node: string): Promise<void> => {
    while ((await admin.exists(`${prefix}:{node:${node}}:lease`)) === 1) await new Promise((go) => setTimeout(go, 5));
  };

  async function claim(store: SharedStore, key: SessionKey, turn: string) {
    await store.createSession(key, {}, 'epoch', 1);
    const record = {
      turn,
      fingerprint: 'f',
      frame: { id: turn, input: 'x' },
      who: { subject: 'tester' },
      acceptedAt: 1,
      node: store.node,
    };
    return store.claim({ ...key, record, onBusy: 'queue', maxQueuedTurns: 9 });
  }

  function endOf(key: SessionKey, turn: string, head: number): EndRequest {
    const usage = { input: 1, output: 1, reasoning: 0, cached: 0, source: 'counted' } as const;
    const timing = { queuedMs: 0, totalMs: 1 };
    const events: LogEvent[] = [{ t: 'turn.ended', pos: head - 1, turn, status: 'completed', usage, timing }];
    const entry = { turn, fingerprint: 'f', events, inputTokens: 1, outputTokens: 1 };
    return { ...key, entry, status: 'completed', head };
  }

  test('gets a lease back that ran out, and never again after it was buried', async () => {
    const key = { tenant: 't', session: 'lease' };
    const [a, b] = [await openNode('a', 20), await openNode('b', 60_000)];
    await claim(a, key, 'turn');
    const batch = (pos: number): { events: LogEvent[] } & SessionKey => ({
      ...key,
      events: [{ t: 'delta', pos, turn: 'turn', text: 'x', tokens: pos }],
    });
    await expired('a');
    expect(await b.deadNodes()).toEqual(['a']);
    await a.append([batch(1)]);
    expect(await a.renewLease(20)).toBe(true);
    expect(await a.isAlive('a')).toBe(true);
    expect(await b.takeOver('a')).toBeUndefined();
    await expired('a');
    const [orphan] = (await b.takeOver('a'))!;
    expect(orphan).toMatchObject({ head: 2, unfinished: [{ turn: 'turn' }] });
    expect(await a.renewLease(20)).toBe(false);
    await expect(a.append([batch(2)])).rejects.toThrow('lease');
    expect(await a.end(endOf(key, 'turn', 3))).toEqual({ outcome: 'fenced' });
    // while it is being ended nothing is added to it
    expect(await claim(b, key, 'other')).toEqual({ outcome: 'busy' });
    expect(await b.end(endOf(key, 'turn', 4))).toMatchObject({ outcome: 'ended' });
    expect(await a.end(endOf(key, 'turn', 3))).toEqual({ outcome: 'fenced' });
    expect(await b.end(endOf(key, 'turn', 4))).toMatchObject({ outcome: 'already_ended' });
    // a claim that was on its way is not lost: the node is buried once more
    await b.buried('a');
    expect(await b.deadNodes()).toEqual([]);
    await expect(claim(a, key, 'late')).rejects.toThrow('lease');
    expect(await b.deadNodes()).toEqual(['a']);
    expect(await b.takeOver('a')).toMatchObject([{ unfinished: [{ turn: 'late' }] }]);
    await b.end(endOf(key, 'late', 6));
    await b.buried('a');
    expect(await b.deadNodes()).toEqual([]);
  });

  test('is taken over by another node when the one that took it over dies at that, and what that one does late is nothing', async () => {
    const key = { tenant: 't', session: 'twice' };
    const [dead, digger, heir] = [
      await openNode('dead', 60_000),
      await openNode('digger', 60_000),
      await openNode('heir of both', 60_000),
    ];
    await claim(dead, key, 'turn');
    await dead.append([{ ...key, events: [{ t: 'delta', pos: 1, turn: 'turn', text: 'shown', tokens: 1 }] }]);
    await admin.del(`${prefix}:{node:dead}:lease`);
    const seen = { events: [{ t: 'turn.accepted' }, { text: 'shown' }], unfinished: [{ turn: 'turn' }] };
    expect(await digger.takeOver('dead')).toMatchObject([seen]);
    expect(await heir.takeOver('dead')).toBeUndefined();
    await admin.del(`${prefix}:{node:digger}:lease`);
    expect(await heir.takeOver('dead')).toMatchObject([seen]);
    expect(await digger.end(endOf(key, 'turn', 7))).toEqual({ outcome: 'fenced' });
    await digger.buried('dead');
    // should the heir die now, all of it is still there for the next
    expect(await admin.exists(`${prefix}:{node:dead}:log`, `${prefix}:{node:dead}:grave`)).toBe(2);
    expect(await admin.sismember(`${prefix}:{node:dead}:sessions`, '["t","twice"]')).toBe(1);
    expect(await heir.deadNodes()).toContain('dead');
    expect(await heir.end(endOf(key, 'turn', 7))).toMatchObject({ outcome: 'ended' });
    await heir.buried('dead');
    expect(await heir.deadNodes()).not.toContain('dead');
    expect(await admin.exists(`${prefix}:{node:dead}:log`, `${prefix}:{node:dead}:grave`)).toBe(0);
  });

  test('leaves what it could not end to others, and knows only the sessions that it may have to end', async () => {
    const node = await openNode('leaves', 60_000);
    const [done, open] = [
      { tenant: 't', session: 'done' },
      { tenant: 't', session: 'open' },
    ];
    await claim(node, done, 'a');
    await node.end(endOf(done, 'a', 2));
    await claim(node, open, 'b');
    // one that ends while it waits ends nothing else
    await claim(node, open, 'waiting');
    await node.end(endOf(open, 'waiting', 3));
    expect(await admin.smembers(`${prefix}:{node:leaves}:sessions`)).toEqual(['["t","open"]']);
    await node.leaveNodes();
    const heir = await openNode('heir of leaves', 60_000);
    expect(await heir.deadNodes()).toContain('leaves');
    expect(await heir.takeOver('leaves')).toMatchObject([{ unfinished: [{ turn: 'b' }] }]);
    // too late now: nothing of what is being taken over may go
    await node.leaveNodes();
    expect(await admin.exists(`${prefix}:{node:leaves}:sessions`)).toBe(1);
  });

  test('keeps its log bounded in a long turn, and what the turn said whole', async () => {
    const node = await openNode('long', 60_000, 10_000);
    const long = { tenant: 't', session: 'long' };
    await claim(node, long, 'long');
    let text = '';
    let longest = 0;
    node.logFrom(({ session }) => (session === 'long' ? [{ t: 'delta', pos: 1, turn: 'long', text, tokens: 1 }] : []));
    for (let i = 0; i < 3_000; i++) {
      const brief = { tenant: 't', session: `brief-${i % 3}` };
      const piece = `${i} `;
      const delta = { t: 'delta', pos: 1 + text.length, turn: 'long', text: piece, tokens: i } as const;
      text += piece;
      await node.append([
        { ...long, events: [delta] },
        { ...brief, events: [{ t: 'delta', pos: 1, turn: `b${i}`, text: 'y'.repeat(50), tokens: i }] },
      ]);
      // as after a reply that never came
      if (i % 7 === 0) await node.append([{ ...long, events: [delta] }]);
      longest = Math.max(longest, await admin.xlen(`${prefix}:{node:long}:log`));
    }
    expect(longest).toBeLessThan(1_000);
    const rows = await admin.xrange(`${prefix}:{node:long}:log`, '-', '+');
    expect(JSON.stringify(rows).length).toBeLessThan(250_000);
    await admin.del(`${prefix}:{node:long}:lease`);
    const orphans = (await (await openNode('heir', 60_000)).takeOver('long'))!;
    const orphan = orphans.find(({ session }) => session.session === 'long')!;
    expect(orphan.head).toBe(1 + text.length);
    expect(orphan.events.map((event) => (event.t === 'delta' ? event.text : '')).join('')).toBe(text);
  });
});

describe('the look at the server at the start', () => {
  async function start(): Promise<string[]> {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    await startTestGateway({ upstreamObjects: [createScriptedUpstream()], store: redis.url, logger });
    return warnings;
  }

  test('refuses a server that would delete keys, and says what to do', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(start()).rejects.toThrow(/maxmemory-policy allkeys-lru.*CONFIG SET maxmemory-policy noeviction/);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });

  test('warns about a server that keeps nothing, or only snapshots', async () => {
    expect(await start()).toEqual([expect.stringMatching(/keeps nothing on disk.*appendonly yes/)]);
    await admin.config('SET', 'save', '3600 1');
    expect(await start()).toEqual([expect.stringMatching(/only snapshots/)]);
    await admin.config('SET', 'save', '');
  });

  test('makes do where CONFIG is forbidden', async () => {
    await admin.call('acl', 'setuser', 'default', '-config');
    expect(await start()).toEqual([expect.stringMatching(/CONFIG is forbidden/)]);
    await admin.call('acl', 'setuser', 'default', '+config');
  });
});
