import { afterEach, describe, expect, test } from 'vitest';
import type { LogEvent } from '../../src/session/log-event.ts';
import type { ClaimRequest, EndRequest, SessionKey, Store, TurnEntry } from '../../src/store/contract.ts';
import { storeList } from '../support/store-list.ts';

const key: SessionKey = { tenant: 'acme', session: 's1' };

function claimOf(turn: string, more: Partial<ClaimRequest> = {}, fingerprint = 'f'): ClaimRequest {
  const record = {
    turn,
    fingerprint,
    frame: { id: turn, input: `input of ${turn}` },
    who: { subject: 'tester' },
    acceptedAt: 1_000,
    node: 'n',
  };
  return { ...key, record, onBusy: 'reject', maxQueuedTurns: 2, ...more };
}

function entryOf(turn: string, pos: number, end: number): TurnEntry {
  const usage = { input: 1, output: 1, reasoning: 0, cached: 0, source: 'counted' } as const;
  const events: LogEvent[] = [
    { t: 'turn.accepted', pos, turn, input: `input of ${turn}`, at: 1_000 },
    { t: 'delta', pos: pos + 1, turn, text: 'x'.repeat(end - pos - 2), tokens: 1 },
    { t: 'turn.ended', pos: end - 1, turn, status: 'completed', usage, timing: { queuedMs: 0, totalMs: 1 } },
  ];
  return { turn, fingerprint: 'f', events, inputTokens: 5, outputTokens: 6 };
}

function endOf(turn: string, pos: number, end: number): EndRequest {
  return { ...key, entry: entryOf(turn, pos, end), status: 'completed', head: end };
}

describe.each(storeList())('the store contract: $name', ({ open }) => {
  let store: Store;
  const start = async (): Promise<Store> => {
    store = await open();
    await store.createSession(key, { onBusy: 'reject' }, 'epoch', 1);
    return store;
  };
  afterEach(() => store.close());

  test('creates a session once, keeps tenants apart, and changes settings', async () => {
    await start();
    expect(await store.createSession(key, { system: 'other' }, 'epoch2', 2)).toMatchObject({
      created: false,
      session: { epoch: 'epoch', head: 0, settings: { onBusy: 'reject' }, queue: [] },
    });
    expect(await store.readSession({ tenant: 'other', session: 's1' })).toBeUndefined();
    await store.updateSettings(key, { system: 'S' });
    expect(await store.readSession(key)).toMatchObject({ settings: { system: 'S' } });
  });

  test('claims: running, busy, queued, full, duplicate, conflict, stale, unknown session', async () => {
    await start();
    expect(await store.claim(claimOf('a'))).toEqual({ outcome: 'running', pos: 0, tombstoned: false });
    expect(await store.readSession(key)).toMatchObject({ running: 'a', head: 1 });
    expect(await store.claim(claimOf('b'))).toEqual({ outcome: 'busy' });
    expect(await store.claim(claimOf('b', { onBusy: 'queue' }))).toEqual({
      outcome: 'queued',
      ahead: 1,
      tombstoned: false,
    });
    expect(await store.claim(claimOf('c', { onBusy: 'queue' }))).toEqual({
      outcome: 'queued',
      ahead: 2,
      tombstoned: false,
    });
    expect(await store.claim(claimOf('d', { onBusy: 'queue' }))).toEqual({ outcome: 'queue_full' });
    expect(await store.claim(claimOf('a'))).toMatchObject({
      outcome: 'duplicate',
      existing: { state: 'unfinished', record: { turn: 'a', pos: 0 } },
    });
    expect(await store.claim(claimOf('a', {}, 'other'))).toEqual({ outcome: 'conflict' });
    expect(await store.claim(claimOf('e', { base: 5, liveHead: 9 }))).toEqual({ outcome: 'stale_base', head: 9 });
    expect(await store.claim({ ...claimOf('f'), session: 'nowhere' })).toEqual({ outcome: 'session_not_found' });
    expect(await store.readSession(key)).toMatchObject({ running: 'a', queue: ['b', 'c'] });
  });

  test('ends: once, the next waiting turn runs, a duplicate is told how it ended', async () => {
    await start();
    await store.claim(claimOf('a'));
    await store.claim(claimOf('b', { onBusy: 'queue' }));
    await store.claim(claimOf('c', { onBusy: 'queue' }));
    expect(await store.end(endOf('b', 1, 10))).toEqual({ outcome: 'ended', next: undefined });
    expect(await store.end(endOf('a', 0, 20))).toEqual({ outcome: 'ended', next: 'c' });
    expect(await store.end(endOf('a', 0, 20))).toEqual({ outcome: 'already_ended', status: 'completed' });
    expect(await store.end(endOf('z', 0, 20))).toEqual({ outcome: 'unknown' });
    expect(await store.readSession(key)).toMatchObject({ running: 'c', queue: [], head: 20, turns: 2 });
    expect(await store.claim(claimOf('a'))).toMatchObject({
      outcome: 'duplicate',
      existing: { state: 'finished', status: 'completed', end: 20 },
    });
    await store.end(endOf('c', 2, 30));
    const session = await store.readSession(key);
    expect(session).toMatchObject({ head: 30, turns: 3 });
    expect(session?.running).toBeUndefined();
    expect(await store.claim(claimOf('d'))).toEqual({ outcome: 'running', pos: 30, tombstoned: false });
  });

  test('replace puts the new turn first and names those it supersedes', async () => {
    await start();
    await store.claim(claimOf('a'));
    await store.claim(claimOf('b', { onBusy: 'queue' }));
    expect(await store.claim(claimOf('c', { onBusy: 'replace' }))).toEqual({
      outcome: 'replacing',
      superseded: ['a', 'b'],
      tombstoned: false,
    });
    expect(await store.end(endOf('a', 0, 9))).toEqual({ outcome: 'ended', next: 'c' });
    await store.end(endOf('b', 1, 11));
    expect(await store.readSession(key)).toMatchObject({ running: 'c', queue: [] });
  });

  test('a tombstone marks a turn that comes later, and only one that is not known', async () => {
    await start();
    expect(await store.tombstone(key, 'a', 1_000)).toBeUndefined();
    expect(await store.claim(claimOf('a'))).toEqual({ outcome: 'running', pos: 0, tombstoned: true });
    expect(await store.tombstone(key, 'a', 1_001)).toMatchObject({ state: 'unfinished' });
    // the answer to the claim may be lost: who reads the turn must know as well
    expect(await store.readTurn(key, 'a')).toMatchObject({ record: { tombstoned: true } });
  });

  test('reads from the tail and from a position, in pages', async () => {
    await start();
    for (let i = 0; i < 10; i++) {
      await store.claim(claimOf(`t${i}`));
      await store.end(endOf(`t${i}`, i * 10, i * 10 + 10));
    }
    const ids = (entries: TurnEntry[]): string[] => entries.map((entry) => entry.turn);
    expect(ids(await store.readTail(key, Number.MAX_SAFE_INTEGER, 3))).toEqual(['t9', 't8', 't7']);
    expect(ids(await store.readTail(key, 80, 2))).toEqual(['t6', 't5']);
    expect(ids(await store.readEntries(key, 85, 10))).toEqual(['t8', 't9']);
    expect(ids(await store.readEntries(key, 30, 2))).toEqual(['t3', 't4']);
    expect(ids(await store.readEntries(key, 100, 2))).toEqual([]);
    expect((await store.readTail(key, 11, 1))[0]).toEqual(entryOf('t0', 0, 10));
    expect(await store.readTail({ tenant: 'other', session: 's1' }, 1_000, 5)).toEqual([]);
  });

  test('notes how far a finished turn was heard, without another change', async () => {
    await start();
    await store.claim(claimOf('a'));
    await store.end(endOf('a', 0, 20));
    await store.noteHeard(key, 20, 7, 3);
    const noted = { ...entryOf('a', 0, 20), heard: 7, outputTokens: 3 };
    expect(await store.readTail(key, 100, 5)).toEqual([noted]);
    expect(await store.readEntries(key, 0, 5)).toEqual([noted]);
    // of a turn that is not there
    await store.noteHeard(key, 30, 7, 3);
    expect(await store.readTail(key, 100, 5)).toEqual([noted]);
  });

  test('pins turns that it knows, so many at a time, and says which', async () => {
    await start();
    expect(await store.setPinned(key, 'a', true, 2)).toEqual({ outcome: 'turn_not_found' });
    for (const turn of ['a', 'b', 'c']) await store.claim(claimOf(turn, { onBusy: 'queue' }));
    await store.end(endOf('a', 0, 10));
    expect(await store.setPinned(key, 'a', true, 2)).toEqual({ outcome: 'set', pinned: ['a'] });
    expect(await store.setPinned(key, 'b', true, 2)).toEqual({ outcome: 'set', pinned: ['a', 'b'] });
    expect(await store.setPinned(key, 'c', true, 2)).toEqual({ outcome: 'full' });
    expect(await store.setPinned(key, 'a', true, 2)).toEqual({ outcome: 'set', pinned: ['a', 'b'] });
    await store.end(endOf('b', 10, 20));
    await store.updateSettings(key, { system: 'S' });
    expect(await store.readSession(key)).toMatchObject({ pinned: ['a', 'b'], running: 'c' });
    expect(await store.setPinned(key, 'a', false, 2)).toEqual({ outcome: 'set', pinned: ['b'] });
    expect(await store.setPinned(key, 'a', false, 2)).toEqual({ outcome: 'set', pinned: ['b'] });
    expect(await store.setPinned(key, 'b', false, 2)).toEqual({ outcome: 'set', pinned: [] });
    expect((await store.readSession(key))?.pinned).toEqual([]);
    expect(await store.setPinned({ tenant: 'other', session: 's1' }, 'a', true, 2)).toEqual({
      outcome: 'turn_not_found',
    });
    const all = await Promise.all(['a', 'b', 'c'].map((turn) => store.setPinned(key, turn, true, 2)));
    expect(all.map(({ outcome }) => outcome).toSorted()).toEqual(['full', 'set', 'set']);
  });

  test('keeps texts by their id, for the life of the session', async () => {
    await start();
    await store.keepText(key, 'epoch', 'id', 'Grüße 👋\n');
    await store.keepText(key, 'epoch', 'id', 'Grüße 👋\n');
    expect(await store.readText(key, 'id')).toBe('Grüße 👋\n');
    expect(await store.readText(key, 'other')).toBeUndefined();
    expect(await store.readText({ tenant: 'other', session: 's1' }, 'id')).toBeUndefined();
    await store.deleteSession(key);
    expect(await store.readText(key, 'id')).toBeUndefined();
    await store.keepText(key, 'epoch', 'id', 'late');
    await store.createSession(key, {}, 'epoch2', 2);
    await store.keepText(key, 'epoch', 'id', 'late');
    expect(await store.readText(key, 'id')).toBeUndefined();
  });

  test('a summary only ever goes on from the one before, and ends with the session', async () => {
    await start();
    const [first, second] = [
      { end: 10, turns: 1, text: 'one' },
      { end: 30, turns: 3, text: 'two' },
    ];
    expect(await store.readSummary(key)).toBeUndefined();
    expect(await store.writeSummary(key, 'epoch', 5, second)).toBe(false);
    expect(await store.writeSummary(key, 'epoch', 0, first)).toBe(true);
    // repeated, since the answer was lost
    expect(await store.writeSummary(key, 'epoch', 0, first)).toBe(true);
    expect(await store.writeSummary(key, 'epoch', 0, second)).toBe(false);
    expect(await store.writeSummary(key, 'epoch', 10, second)).toBe(true);
    expect(await store.writeSummary(key, 'epoch', 30, first)).toBe(false);
    expect(await store.writeSummary(key, 'other', 30, { ...second, end: 40 })).toBe(false);
    expect(await store.readSummary(key)).toEqual(second);
    const rivals = await Promise.all(
      [0, 1, 2].map((i) => store.writeSummary(key, 'epoch', 30, { end: 40 + i, turns: 4, text: `rival ${i}` })),
    );
    expect(rivals.filter(Boolean)).toHaveLength(1);
    await store.deleteSession(key);
    expect(await store.readSummary(key)).toBeUndefined();
    expect(await store.writeSummary(key, 'epoch', 0, first)).toBe(false);
  });

  test('takes simultaneous claims one by one', async () => {
    await start();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.claim(claimOf(`p${i}`, { onBusy: 'queue', maxQueuedTurns: 100 }))),
    );
    expect(results.filter((result) => result.outcome === 'running')).toHaveLength(1);
    expect((await store.readSession(key))?.queue).toHaveLength(19);
  });
});
