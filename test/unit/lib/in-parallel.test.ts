import { expect, test } from 'vitest';
import { inParallel } from '../../../src/lib/in-parallel.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many at a time, and results in the order of the items', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([5, 1, 4, 2, 3, 0], 3, async (item) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < item; i++) await tick();
    running--;
    return item * 2;
  });
  expect(results).toEqual([10, 2, 8, 4, 6, 0]);
  expect(most).toBe(3);
  expect(await inParallel([], 3, async () => 1)).toEqual([]);
});

test('a failure is told when nothing is under way any more, and nothing is begun after it', async () => {
  const begun: number[] = [];
  const done: number[] = [];
  const failing = inParallel([0, 1, 2, 3], 2, async (item) => {
    begun.push(item);
    if (item === 0) throw new Error('first');
    await tick();
    done.push(item);
  });
  await expect(failing).rejects.toThrow('first');
  expect(begun).toEqual([0, 1]);
  expect(done).toEqual([1]);
});
