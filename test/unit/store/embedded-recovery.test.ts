import { appendFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogEvent } from '../../../src/session/log-event.ts';
import { contiguousEvents } from '../../../src/store/contiguous-events.ts';
import { openEmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { LogFile, readRecords } from '../../../src/store/embedded/log-file.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

const key = { tenant: 't', session: 's' };
const record = (turn: string) => ({
  turn,
  fingerprint: 'f',
  frame: { id: turn, input: turn },
  who: { subject: 'tester' },
  acceptedAt: 1,
  node: 'n',
});
const delta = (turn: string, pos: number, text: string): LogEvent => ({ t: 'delta', pos, turn, text, tokens: pos });

test('a log file ends at the first torn or damaged record, wherever it was cut', () => {
  const path = join(temporaryDirectory(), 'log');
  const payloads = ['one', 'zwei €', '三'.repeat(50)];
  const file = new LogFile(path);
  for (const payload of payloads) file.append(payload);
  const bytes = statSync(path).size;
  file.close();
  const { payloads: found, validBytes } = readRecords(path);
  expect([found.map(String), validBytes]).toEqual([payloads, bytes]);
  appendFileSync(path, Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 5]));
  expect(readRecords(path).payloads.map(String)).toEqual(payloads);
  // opening it again cuts the torn record off, so that what follows is readable
  const again = new LogFile(path);
  expect(again.sizeBytes).toBe(bytes);
  again.append('after');
  again.close();
  expect(readRecords(path).payloads.map(String)).toEqual([...payloads, 'after']);
});

test('an orphaned session comes back with the events that were durable, up to the first gap', async () => {
  const directory = temporaryDirectory();
  const first = openEmbeddedStore({ directory });
  await first.createSession(key, {}, 'e', 1);
  await first.claim({ ...key, record: record('a'), onBusy: 'reject', maxQueuedTurns: 5 });
  await first.append([{ ...key, events: [delta('a', 1, 'hello'), delta('a', 6, ' you')] }]);
  await first.claim({ ...key, record: record('b'), onBusy: 'queue', maxQueuedTurns: 5 });
  await first.append([
    { ...key, events: [{ t: 'turn.accepted', pos: 10, turn: 'b', input: 'b', at: 1 }, delta('a', 11, '!')] },
  ]);
  await first.append([{ ...key, events: [delta('a', 20, 'beyond a gap')] }]);
  // as a crash leaves it: the directory is given back, but nothing was ended
  await first.close();
  const second = openEmbeddedStore({ directory });
  const [orphan, ...others] = await second.orphans();
  expect(others).toEqual([]);
  expect(orphan?.unfinished.map(({ turn }) => turn)).toEqual(['a', 'b']);
  expect(orphan?.events.map((event) => [event.turn, event.t, event.pos])).toEqual([
    ['a', 'turn.accepted', 0],
    ['a', 'delta', 1],
    ['a', 'delta', 6],
    ['b', 'turn.accepted', 10],
    ['a', 'delta', 11],
  ]);
  expect(orphan?.head).toBe(12);
  await second.close();
});

test('the node log stays bounded while one turn runs for ever', async () => {
  const directory = temporaryDirectory();
  const store = openEmbeddedStore({ directory, segmentBytes: 20_000 });
  await store.createSession(key, {}, 'e', 1);
  await store.claim({ ...key, record: record('slow'), onBusy: 'reject', maxQueuedTurns: 5 });
  await store.append([{ ...key, events: [delta('slow', 1, 'begin')] }]);
  for (let i = 0; i < 400; i++) {
    const other = { tenant: 't', session: `other${i}` };
    await store.createSession(other, {}, 'e', 1);
    await store.claim({ ...other, record: record('x'), onBusy: 'reject', maxQueuedTurns: 5 });
    await store.append([{ ...other, events: [delta('x', 1, 'y'.repeat(1_000))] }]);
    await store.end({
      ...other,
      entry: { turn: 'x', fingerprint: 'f', events: [delta('x', 1, 'y')], inputTokens: 1, outputTokens: 1 },
      status: 'completed',
      head: 2_000,
    });
  }
  const files = readdirSync(join(directory, 'node-log'));
  const bytes = files.reduce((sum, name) => sum + statSync(join(directory, 'node-log', name)).size, 0);
  expect(bytes).toBeLessThan(6 * 20_000);
  await store.close();
  const again = openEmbeddedStore({ directory, segmentBytes: 20_000 });
  expect((await again.orphans())[0]?.events.map((event) => event.t)).toEqual(['turn.accepted', 'delta']);
  await again.close();
});

test('contiguousEvents keeps exactly what follows without a gap, in any order and with repeats', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
      fc.nat(),
      fc.nat(30),
      (lengths, seed, lost) => {
        let pos = 5;
        const all = lengths.map((length) => {
          const event = delta('a', pos, 'x'.repeat(length));
          pos += length;
          return event;
        });
        const missing = lost < all.length ? lost : all.length;
        const kept = all.filter((_event, i) => i !== missing);
        const shuffled = [...kept, ...kept.filter((_event, i) => i % 2 === 0)].sort(
          (a, b) => ((a.pos * 31 + seed) % 17) - ((b.pos * 31 + seed) % 17),
        );
        expect(contiguousEvents(shuffled, 5)).toEqual(all.slice(0, missing));
      },
    ),
  );
});

test('a directory with something else in the place of the database is refused with a sentence', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'sessions'));
  writeFileSync(join(directory, 'sessions', 'data.mdb'), 'garbage '.repeat(1_000));
  expect(() => openEmbeddedStore({ directory })).toThrow(/could not be opened: its files are damaged.*--data/);
  // and the directory is not held
  expect(() => openEmbeddedStore({ directory })).toThrow(/could not be opened/);
});
