import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GroupCommit } from '../../src/session/group-commit.ts';
import type { LogEvent } from '../../src/session/log-event.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { measurePair, type OperationPair } from '../guard/measure-pair.ts';
import type { BenchResult, Log } from '../result.ts';

/** Sessions that have a token in the same turn of the event loop. */
const together = 20;
const turn = '01KABCDEFGHJKMNPQRSTVWXYZ0';

export interface LogScene {
  pairs: readonly OperationPair[];
  close(): Promise<void>;
}

/** The embedded store's log, next to a bare write of the same bytes to a file. */
export function openLogScene(): LogScene {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const store = openEmbeddedStore({ directory });
  const commit = new GroupCommit(store, (error) => {
    throw error;
  });
  const file = openSync(join(directory, 'bare'), 'a');
  let position = 0;
  const event = (): LogEvent => ({ t: 'delta', pos: (position += 8), turn, text: ' gateway', tokens: 3 });
  const batchOf = (session: string): { tenant: string; session: string; events: LogEvent[] } => ({
    tenant: 'bench',
    session,
    events: [event()],
  });
  const sessions = Array.from({ length: together }, (_, index) => `session-${index}`);
  /** What is appended for one token of each of `names`. */
  const bare = (names: readonly string[]): void => {
    const items = names.map((name) => ['bench', name, [event()]]);
    writeSync(file, JSON.stringify(items));
  };

  async function commitAll(): Promise<void> {
    await new Promise<void>((resolve) => {
      let left = together;
      for (const session of sessions) {
        const target = {
          key: { tenant: 'bench', session },
          erased: false,
          taken: () => {},
          acknowledged: () => void (--left === 0 && resolve()),
        };
        commit.add(target, event(), position);
      }
    });
  }

  const pairs: OperationPair[] = [
    {
      name: 'log append, one token',
      baselineName: 'a bare write of its JSON',
      async run(times) {
        for (let i = 0; i < times; i++) await store.append([batchOf(sessions[0]!)]);
      },
      baseline(times) {
        for (let i = 0; i < times; i++) bare([sessions[0]!]);
      },
    },
    {
      name: `group commit, ${together} sessions with a token each`,
      baselineName: 'one bare write of their JSON',
      async run(times) {
        for (let i = 0; i < times; i++) await commitAll();
      },
      baseline(times) {
        for (let i = 0; i < times; i++) bare(sessions);
      },
    },
  ];
  return {
    pairs,
    async close() {
      commit.close();
      closeSync(file);
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What a token takes to become durable on one node. */
export async function benchLogAppend(log: Log): Promise<BenchResult[]> {
  const scene = openLogScene();
  const results: BenchResult[] = [];
  for (const pair of scene.pairs) {
    const { name, microseconds, baselineMicroseconds, baselineName } = await measurePair(pair, 60);
    results.push({ name, value: microseconds, unit: 'µs', baseline: baselineMicroseconds, baselineName });
    log(`${name}: ${microseconds.toFixed(2)} µs (${baselineName}: ${baselineMicroseconds.toFixed(2)})`);
  }
  await scene.close();
  return results;
}
