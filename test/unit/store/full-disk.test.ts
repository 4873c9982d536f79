import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { JournaledDatabase } from '../../../src/store/embedded/journaled-database.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

/** A file system of its own that is soon full; undefined where this user may not mount one. */
function smallDisk(): string | undefined {
  const directory = join(temporaryDirectory(), 'disk');
  mkdirSync(directory);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', directory], { stdio: 'ignore' }));
  return directory;
}

const value = (i: number): object => ({ i, text: 'x'.repeat(1_500) });

describe('the embedded store on a full disk', () => {
  test.for(['space comes back', 'it stays full'])('loses nothing that it said it has: %s', async (course, { skip }) => {
    const disk = smallDisk() ?? skip('a file system of its own takes a user who may mount one');
    const ballast = join(disk, 'ballast');
    const directory = join(disk, 'data');
    mkdirSync(directory);
    writeFileSync(ballast, Buffer.alloc(6_500_000));
    const told: unknown[] = [];
    const database = new JournaledDatabase({
      directory,
      durability: 'process',
      onTrouble: (error) => told.push(error),
    });
    const kept = new Map<number, number>();
    let refused = 0;
    async function write(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const place = i % 400;
        await database
          .commit(() => database.put(['turn', place], value(i)))
          .then(
            () => kept.set(place, i),
            () => refused++,
          );
        // LMDB gets what gathered in between
        if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    await write(1_500);
    await expect.poll(() => told.length).toBe(1);
    expect(String(told[0])).toMatch(/Input\/output error|No space left/);
    expect(refused).toBeGreaterThan(0);
    expect(kept.size).toBeGreaterThan(0);
    if (course === 'space comes back') {
      rmSync(ballast);
      refused = 0;
      await write(100);
      expect(refused).toBe(0);
    }
    await database.close();
    rmSync(ballast, { force: true });
    const again = new JournaledDatabase({ directory, durability: 'process' });
    for (const [place, i] of kept) expect(again.get(['turn', place])).toEqual(value(i));
    await again.close();
  });
});
