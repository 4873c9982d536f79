import { appendFileSync, cpSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type DatabaseKey, JournaledDatabase, type KeyRange } from '../../../src/store/embedded/journaled-database.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

const durability = 'process';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function openAt(directory: string): JournaledDatabase {
  return new JournaledDatabase({ directory, durability });
}

function journalBytes(directory: string): number {
  const files = readdirSync(join(directory, 'journal'));
  return files.reduce((sum, name) => sum + statSync(join(directory, 'journal', name)).size, 0);
}

/** A process that was killed leaves the files as they are. */
function killed(directory: string): string {
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** The same by the simplest means: all keys in their order. */
class Model {
  readonly entries = new Map<string, { key: DatabaseKey; value: unknown }>();

  find({ start, end, limit, offset = 0, reverse = false, exclusiveStart = false }: KeyRange) {
    const [from, to] = reverse ? [end, start] : [start, end];
    const found = [...this.entries.values()]
      .filter(({ key }) =>
        reverse ? compare(key, from) > 0 && compare(key, to) <= 0 : compare(key, from) >= 0 && compare(key, to) < 0,
      )
      .filter(({ key }) => !(exclusiveStart && compare(key, start) === 0))
      .sort((a, b) => (reverse ? -1 : 1) * compare(a.key, b.key));
    return found.slice(offset, limit === undefined ? undefined : offset + limit);
  }
}

/** Numbers before strings before bytes, and a key before those that it begins. */
function compare(a: DatabaseKey, b: DatabaseKey): number {
  const kind = (part: unknown): number => (typeof part === 'number' ? 0 : typeof part === 'string' ? 1 : 2);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? -1 : 1;
    if (kind(x) !== kind(y)) return kind(x) - kind(y);
    if (x !== y && kind(x) < 2) return x < y ? -1 : 1;
  }
  return 0;
}

const last = new Uint8Array([0xff]);
const part = fc.oneof(fc.constantFrom('s', 's2', 'ä', '', 'S 1'), fc.constantFrom(0, 1, 9, 10, 1_700_000_000_000, 2.5));
const keyArbitrary: fc.Arbitrary<DatabaseKey> = fc
  .tuple(fc.constantFrom('entry', 'turn'), fc.array(part, { minLength: 1, maxLength: 3 }))
  .map(([kind, rest]) => [kind, ...rest]);
const rangeArbitrary: fc.Arbitrary<KeyRange> = fc
  .record({
    start: keyArbitrary,
    limit: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
    offset: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    reverse: fc.boolean(),
    exclusiveStart: fc.boolean(),
  })
  .map(({ start, limit, offset, reverse, exclusiveStart }) => ({
    start,
    end: reverse ? ([start[0]] as const) : ([start[0], last] as const),
    ...(limit === undefined ? {} : { limit }),
    ...(offset === undefined ? {} : { offset }),
    ...(reverse ? { reverse } : { exclusiveStart }),
  }));
const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      t: fc.constant('write' as const),
      writes: fc.array(fc.tuple(keyArbitrary, fc.option(fc.integer(), { nil: undefined })), {
        minLength: 1,
        maxLength: 4,
      }),
      fails: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ t: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ t: 'kill' as const }) },
  { weight: 1, arbitrary: fc.constant({ t: 'close' as const }) },
);

test('it reads like one database, whatever waits in the journal, fails, is killed or closed meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepArbitrary, { minLength: 1, maxLength: 15 }),
      fc.array(rangeArbitrary, { minLength: 3, maxLength: 6 }),
      async (steps, ranges) => {
        let directory = temporaryDirectory();
        let database = openAt(directory);
        const left: JournaledDatabase[] = [];
        const model = new Model();
        const check = (): void => {
          for (const range of ranges) {
            const expected = model.find(range);
            expect(database.getRange(range)).toEqual(expected);
            expect(database.getKeys(range)).toEqual(expected.map(({ key }) => key));
            const whole = { start: range.start, end: [range.start[0], last] as const };
            expect(database.countKeys(whole)).toBe(model.find(whole).length);
          }
          for (const { key, value } of model.entries.values()) expect(database.get(key)).toEqual(value);
        };
        for (const step of steps) {
          if (step.t === 'write') {
            const write = (): void => {
              database.transaction(() => {
                for (const [key, value] of step.writes)
                  if (value === undefined) database.remove(key);
                  else database.put(key, { value, none: undefined });
                if (step.fails) throw new Error('taken back');
              });
            };
            if (step.fails) {
              expect(write).toThrow('taken back');
            } else {
              write();
              for (const [key, value] of step.writes) {
                if (value === undefined) model.entries.delete(JSON.stringify(key));
                else model.entries.set(JSON.stringify(key), { key, value: { value, none: undefined } });
              }
            }
          } else if (step.t === 'wait') {
            await pause(70);
          } else {
            if (step.t === 'close') await database.close();
            else left.push(database);
            directory = killed(directory);
            database = openAt(directory);
          }
          check();
        }
        await Promise.all([...left, database].map((one) => one.close()));
        const again = openAt(directory);
        database = again;
        check();
        await again.close();
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test('a transaction sees what it has written itself, and no other runs in it', () => {
  const database = openAt(temporaryDirectory());
  onTestFinished(() => database.close());
  database.transaction(() => {
    database.put(['turn', 'a'], 1);
    expect(database.get(['turn', 'a'])).toBe(1);
    expect(database.getKeys({ start: ['turn'], end: ['turn', last] })).toEqual([['turn', 'a']]);
    expect(() => database.transaction(() => {})).toThrow('runs already');
  });
  expect(() => database.put(['turn', 'b'], 1)).toThrow('no transaction runs');
  expect(() => database.transaction(() => database.put(['turn', 'x'.repeat(2_000)], 1))).toThrow('too long');
  expect(database.get(['turn', 'a'])).toBe(1);
});

test('the journal is empty when everything is in the database, and torn records of it are none', async () => {
  const directory = temporaryDirectory();
  const database = openAt(directory);
  for (let i = 0; i < 50; i++) database.transaction(() => database.put(['turn', i % 7], 'x'.repeat(1_000)));
  expect(journalBytes(directory)).toBeGreaterThan(50_000);
  const torn = killed(directory);
  await expect.poll(() => journalBytes(directory)).toBe(0);
  await database.close();
  const [file] = readdirSync(join(torn, 'journal'));
  appendFileSync(join(torn, 'journal', file!), Buffer.from([200, 0, 0, 0, 1, 2, 3]));
  const again = openAt(torn);
  expect(again.getKeys({ start: ['turn'], end: ['turn', last] })).toHaveLength(7);
  await again.close();
});

test('a journal that a power cut brought back does not undo what came after it', async () => {
  const directory = temporaryDirectory();
  const first = openAt(directory);
  first.transaction(() => first.put(['turn', 'a'], 'old'));
  const before = killed(directory);
  first.transaction(() => first.put(['turn', 'a'], 'new'));
  await first.close();
  cpSync(join(before, 'journal'), join(directory, 'journal'), { recursive: true });
  const again = openAt(directory);
  expect(again.get(['turn', 'a'])).toBe('new');
  await again.close();
});

test('the journal stays bounded under a load that never pauses', async () => {
  const directory = temporaryDirectory();
  const database = openAt(directory);
  const text = 'x'.repeat(1_000_000);
  let most = 0;
  for (let i = 0; i < 120; i++) {
    database.transaction(() => database.put(['turn', i % 3], text));
    most = Math.max(most, journalBytes(directory));
    await pause(5);
  }
  expect(most).toBeLessThan(100_000_000);
  await expect.poll(() => journalBytes(directory)).toBe(0);
  expect(readdirSync(join(directory, 'journal'))).toHaveLength(1);
  await database.close();
});
