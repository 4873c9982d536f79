import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LogEvent } from '../../src/session/log-event.ts';
import { readStoredEvents } from '../../src/session/replay.ts';
import { endOf } from '../../src/session/log-event.ts';
import type { SessionKey, Store, TurnEntry } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { temporaryDirectory } from '../support/test-gateway.ts';

let redis: RedisServer | undefined;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.stop());

let prefixes = 0;
const openers = {
  embedded: async (): Promise<Store> => openEmbeddedStore({ directory: temporaryDirectory() }),
  redis: (): Promise<Store> => openRedisStore({ url: redis!.url, prefix: `keep${prefixes++}`, node: 'n' }),
};

const tenant = 'acme';
const usage = { input: 1, output: 1, reasoning: 0, cached: 0, source: 'counted' } as const;

/** Claims and ends turns one after another, or, with `queued`, each accepted while the one before it runs. */
async function converse(store: Store, key: SessionKey, turns: readonly { length: number; queued: boolean }[]) {
  let head = (await store.readSession(key))!.head;
  const open: { turn: string; events: LogEvent[] }[] = [];
  const first = turns.length === 0 ? 0 : head;
  const end = async (next: number | undefined): Promise<void> => {
    const { turn, events } = open.shift()!;
    events.push({ t: 'turn.ended', pos: head, turn, status: 'completed', usage, timing: { queuedMs: 0, totalMs: 1 } });
    head++;
    const entry: TurnEntry = { turn, fingerprint: 'f', events, inputTokens: 1, outputTokens: 1 };
    const unfinishedFrom = open[0]?.events[0]?.pos;
    await store.end({ ...key, entry, status: 'completed', head, unfinishedFrom });
    expect(next === undefined).toBe(open.length === 0);
  };
  for (const [i, { length, queued }] of turns.entries()) {
    const turn = `turn-${first}-${i}`;
    const record = {
      turn,
      fingerprint: 'f',
      frame: { id: turn, input: 'x' },
      who: { subject: 'tester' },
      acceptedAt: 1_000,
      node: 'n',
    };
    if (!queued && open.length > 0) await end(undefined);
    await store.claim({ ...key, record, onBusy: 'queue', maxQueuedTurns: 9 });
    const events: LogEvent[] = [{ t: 'turn.accepted', pos: head, turn, input: 'x', at: 1_000 }];
    head++;
    open.push({ turn, events });
    if (open.length > 1) await end(i);
    events.push({ t: 'delta', pos: head, turn, text: 'y'.repeat(length), tokens: length });
    head += length;
  }
  while (open.length > 0) await end(open.length > 1 ? 0 : undefined);
  return head;
}

const plain = (count: number) => Array.from({ length: count }, () => ({ length: 10, queued: false }));

async function allEvents(store: Store, key: SessionKey, from: number): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  for (let cursor = from; ; cursor = endOf(events.at(-1)!)) {
    const found = await readStoredEvents(store, key, cursor);
    if (found.length === 0) return events;
    events.push(...found);
  }
}

describe.each(Object.entries(openers))('what the %s store keeps', (_name, open) => {
  let store: Store;
  let count = 0;
  afterEach(() => store.close());
  async function newSession(): Promise<SessionKey> {
    store ??= await open();
    const key = { tenant, session: `s${count++}` };
    await store.createSession(key, {}, 'epoch', 1);
    return key;
  }
  async function start(): Promise<SessionKey> {
    store = await open();
    return newSession();
  }

  test('the newest turns, by number and by bytes; the rest is a whole log', async () => {
    const key = await start();
    const head = await converse(store, key, plain(10));
    expect(await store.retain(key, {})).toEqual({ start: 0, removed: 0 });
    expect(await store.retain(key, { maxTurns: 7 })).toMatchObject({ start: 36, removed: 3 });
    expect(await store.retain(key, { maxTurns: 7 })).toEqual({ start: 36, removed: 0 });
    expect(await store.readSession(key)).toMatchObject({ start: 36, head, turns: 10 });
    expect(await store.readTurn(key, 'turn-0-2')).toBeUndefined();
    expect(await store.readTurn(key, 'turn-0-3')).toMatchObject({ state: 'finished' });
    const events = await allEvents(store, key, 36);
    expect([events[0]!.pos, endOf(events.at(-1)!)]).toEqual([36, head]);
    expect(await readStoredEvents(store, key, 35)).toEqual([]);
    const [{ bytes } = { bytes: 0 }] = await store.listSessions(tenant, 0, 10);
    const removed = (await store.retain(key, { maxBytes: Math.ceil(bytes / 2) }))!;
    expect(removed.removed).toBe(4);
    const [after] = await store.listSessions(tenant, 0, 10);
    expect(after!.bytes).toBeLessThanOrEqual(bytes / 2);
    expect(after!.bytes).toBeGreaterThan(0);
    expect(await store.retain(key, { maxTurns: 0 })).toMatchObject({ start: head, removed: 3 });
    expect((await store.listSessions(tenant, 0, 10))[0]!.bytes).toBe(0);
    await converse(store, key, plain(2));
    expect((await allEvents(store, key, head)).length).toBe(6);
  });

  test('what was heard of a turn changes nothing for the bytes of the others', async () => {
    const key = await start();
    await converse(store, key, plain(2));
    const heardOf = await newSession();
    await converse(store, heardOf, plain(2));
    await store.noteHeard(heardOf, 12, 5, 1);
    const left = [];
    for (const session of [key, heardOf]) {
      expect(await store.retain(session, { maxTurns: 1 })).toMatchObject({ removed: 1 });
      left.push((await store.listSessions(tenant, 0, 9)).find((use) => use.session === session.session)!.bytes);
    }
    expect(left[0]).toBe(left[1]);
  });

  test('turns by age', async () => {
    const key = await start();
    await converse(store, key, plain(3));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await converse(store, key, plain(2));
    expect(await store.retain(key, { maxAgeMs: 60_000 })).toMatchObject({ removed: 0 });
    expect(await store.retain(key, { maxAgeMs: 250 })).toMatchObject({ start: 36, removed: 3 });
  });

  test('nothing before a turn that has not ended, and a pinned turn is removed with its pin', async () => {
    const key = await start();
    const head = await converse(store, key, plain(3));
    await store.setPinned(key, 'turn-0-0', true, 9);
    await store.setPinned(key, 'turn-0-2', true, 9);
    const record = {
      turn: 'r',
      fingerprint: 'f',
      frame: { id: 'r', input: 'x' },
      who: { subject: 'tester' },
      acceptedAt: 1,
      node: 'n',
    };
    expect(await store.claim({ ...key, record, onBusy: 'queue', maxQueuedTurns: 9 })).toMatchObject({ pos: head });
    expect(await store.retain(key, { maxTurns: 1 })).toMatchObject({ start: 24, removed: 2 });
    expect((await store.readSession(key))?.pinned).toEqual(['turn-0-2']);
    expect(await store.retain(key, { maxTurns: 0 })).toMatchObject({ start: head, removed: 1 });
    expect(await store.readTurn(key, 'r')).toMatchObject({ state: 'unfinished' });
    expect(await store.retain({ tenant: 'other', session: key.session }, { maxTurns: 0 })).toBeUndefined();
  });

  test('many turns, some at a time', async () => {
    const key = await start();
    const head = await converse(store, key, plain(150));
    let removed = 0;
    for (let step = 0; step < 10; step++) removed += (await store.retain(key, { maxTurns: 5 }))!.removed;
    expect(removed).toBe(145);
    expect((await allEvents(store, key, head - 5 * 12)).length).toBe(15);
  });

  test('never into a turn, however many begin while the one before them runs', async () => {
    const key = await start();
    const queued = (count: number) => Array.from({ length: count }, (_, i) => ({ length: 10, queued: i > 0 }));
    await converse(store, key, queued(100));
    const boundary = await converse(store, key, plain(1));
    // every turn but the last begins before the end of the one before it
    expect(await store.retain(key, { maxTurns: 30 })).toMatchObject({ start: 0, removed: 0 });
    await converse(store, key, queued(40));
    expect(await store.retain(key, { maxTurns: 5 })).toMatchObject({ start: boundary, removed: 101 });
    const events = await allEvents(store, key, boundary);
    expect(events[0]).toMatchObject({ t: 'turn.accepted', pos: boundary });
  });

  test('only sessions that are used; erased ones leave the list', async () => {
    const first = await start();
    await converse(store, first, plain(1));
    const second = await newSession();
    await store.touch(second);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await store.touch(first);
    expect(await store.tenants()).toEqual([tenant]);
    const listed = await store.listSessions(tenant, 0, 10);
    expect(listed.map(({ session }) => session)).toEqual([second.session, first.session]);
    expect(listed[0]!.idleMs).toBeGreaterThan(listed[1]!.idleMs);
    expect(await store.listSessions(tenant, 1, 10)).toHaveLength(1);
    expect(await store.expire(first, 60_000)).toBe(false);
    expect(await store.expire(second, 0)).toBe(true);
    expect(await store.readSession(second)).toBeUndefined();
    const record = {
      turn: 'r',
      fingerprint: 'f',
      frame: { id: 'r', input: 'x' },
      who: { subject: 'tester' },
      acceptedAt: 1,
      node: 'n',
    };
    await store.claim({ ...first, record, onBusy: 'queue', maxQueuedTurns: 9 });
    expect(await store.expire(first, 0)).toBe(false);
    await store.deleteSession(first);
    expect(await store.listSessions(tenant, 0, 10)).toEqual([]);
    expect(await store.mayTidy(1_000)).toBe(true);
    expect(await store.mayTidy(1_000)).toBe(true);
  });
});

test('both stores cut alike, and never into a turn', async () => {
  const stores = await Promise.all(Object.values(openers).map((open) => open()));
  let count = 0;
  const turn = fc.record({ length: fc.integer({ min: 1, max: 30 }), queued: fc.boolean() });
  const policy = fc.record(
    { maxTurns: fc.integer({ min: 0, max: 12 }), maxBytes: fc.integer({ min: 0, max: 3_000 }) },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 12 }), fc.array(policy, { maxLength: 4 }), async (turns, policies) => {
      const key = { tenant, session: `p${count++}` };
      const results = [];
      for (const store of stores) {
        await store.createSession(key, {}, 'epoch', 1);
        const head = await converse(store, key, turns);
        const own = [];
        for (const rules of policies) {
          const { start, removed } = (await store.retain(key, rules))!;
          own.push({ start, removed });
          const events = await allEvents(store, key, start);
          expect(events[0]?.pos ?? head).toBe(start);
          expect(events.length === 0 ? start : endOf(events.at(-1)!)).toBe(head);
          if (events.length > 0) expect(events[0]!.t).toBe('turn.accepted');
        }
        results.push(own);
      }
      expect(results[0]).toEqual(results[1]);
    }),
    { numRuns: 60 },
  );
  await Promise.all(stores.map((store) => store.close()));
});
