import { expect, test } from 'vitest';
import type { DownFrame } from '../../protocol/down.ts';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import { tokensForModel } from '../../src/gateway/model-tokens.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createRouter } from '../../src/routing/route-table.ts';
import type { Follower } from '../../src/session/attachment.ts';
import { GroupCommit } from '../../src/session/group-commit.ts';
import { Session } from '../../src/session/session.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';
import { TurnEngine } from '../../src/turn/turn-engine.ts';
import { checkContiguous, transcript } from '../support/assembled-text.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { createTestDispatcher } from '../support/test-dispatcher.ts';
import { newTurnId } from '../support/test-gateway.ts';

const trials = process.env.PARLEY_LONG ? 200_000 : 10_000;
const limits = {
  maxInputBytes: 1_000,
  maxMediaBytes: 1_000,
  maxQueuedTurns: 3,
  maxOutputTokens: 1_000,
  windowTokens: 1_000,
  keepMs: 60_000,
  maxKeepMs: 60_000,
  toolMs: 60_000,
  maxToolRounds: 3,
};

/** Waits a random number of steps of the event loop, mostly none. */
function createDelay(random: () => number): () => Promise<void> {
  return async () => {
    for (let i = Math.floor(random() * 4); i > 0; i--) {
      if (random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
      else await Promise.resolve();
    }
  };
}

/** One trial: turns, cancels, repeats and replaces at random moments of two clients; what must hold is checked at the end. */
async function runTrial(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const delay = createDelay(random);
  const store = createMemoryStore(delay);
  const pause = async (): Promise<void> => {
    for (let i = Math.floor(random() * 6); i > 0; i--) await new Promise((resolve) => setImmediate(resolve));
  };
  const upstream = createScriptedUpstream(({ sink, signal }) => {
    void (async () => {
      for (let i = Math.floor(random() * 4); i >= 0; i--) {
        await delay();
        if (signal.aborted) return;
        sink.onText(` word${i}`);
      }
      await pause();
      if (signal.aborted) return;
      if (random() < 0.1) sink.onError(new Error('boom') as never);
      else sink.onEnd('stop', 'stop');
    })();
  });
  const commit = new GroupCommit(store, () => {});
  const key = { tenant: 't', session: 's' };
  const { session: stored } = await store.createSession(key, { onBusy: 'queue' }, 'e', 0);
  const session = new Session(stored, {
    store,
    commit,
    onReplayError: (_session, error) => expect.fail(String(error)),
  });
  const engine = new TurnEngine({
    store,
    clock: systemClock,
    logger: silentLogger,
    router: createRouter({ upstreams: [upstream] }),
    dispatcher: createTestDispatcher(),
    limits,
    summary: { maxTokens: 100, after: 0.5, timeoutMs: 1_000 },
    node: 'n',
    tokensFor: tokensForModel,
    sessionSettled: () => {},
  });
  const observers: DownFrame[][] = [[], []];
  for (const frames of observers) {
    const follower: Follower = {
      congested: false,
      sendFrame: (frame) => void frames.push(frame),
      sendEvent: (s, event) => void frames.push({ ...event, s } as DownFrame),
      forget: () => {},
      overtaken: () => {},
    };
    const { attachment } = await session.attach({
      follower,
      alias: 0,
      role: 'writer',
      epoch: undefined,
      after: undefined,
    });
    await session.pump(attachment);
  }
  const ids = Array.from({ length: 1 + Math.floor(random() * 3) }, newTurnId);
  const accepted = new Set<string>();
  const actions = ids.flatMap((id) => {
    const frame: TurnFrame = { t: 'turn', s: 0, id, input: id, ...(random() < 0.2 ? { onBusy: 'replace' } : {}) };
    const submit = async (): Promise<void> => {
      await pause();
      try {
        const { outcome } = await engine.submit(session, frame, { subject: 'tester' });
        if (outcome === 'accepted') {
          expect(accepted.has(id)).toBe(false);
          accepted.add(id);
        }
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/queue_full/) });
      }
    };
    const cancel = async (): Promise<void> => {
      await pause();
      await engine.cancel(session, id, 'stop', undefined);
    };
    const chosen = [submit];
    if (random() < 0.3) chosen.push(submit);
    if (random() < 0.8) chosen.push(cancel);
    if (random() < 0.2) chosen.push(cancel);
    return chosen;
  });
  await Promise.all(actions.map((action) => action()));
  while (engine.liveTurns > 0) await new Promise((resolve) => setImmediate(resolve));

  const [first, second] = observers as [DownFrame[], DownFrame[]];
  const head = checkContiguous(first, 0, 0);
  expect(checkContiguous(second, 0, 0)).toBe(head);
  expect(transcript(second, 0)).toEqual(transcript(first, 0));
  expect(session.log.durable).toBe(session.log.head);
  for (const id of accepted) {
    const events = first.filter((frame) => 'turn' in frame && frame.turn === id && 'pos' in frame);
    const ends = events.filter((event) => event.t === 'turn.ended');
    expect(ends).toHaveLength(1);
    expect(events.at(-1)).toBe(ends[0]);
    expect(events[0]).toMatchObject({ t: 'turn.accepted' });
    expect(await store.readTurn(key, id)).toMatchObject({
      state: 'finished',
      status: (ends[0] as { status: string }).status,
    });
    expect(upstream.calls.filter((call) => call.request.turn === id).length).toBeLessThanOrEqual(1);
  }
  expect(first.filter((frame) => frame.t === 'turn.ended')).toHaveLength(accepted.size);
  expect(await store.readSession(key)).toMatchObject({ head, queue: [] });
  expect((await store.readSession(key))?.running).toBeUndefined();
}

test(`${trials} seeded races of turn, cancel, repeat and replace: exactly one end each, and all agree`, {
  timeout: 15 * 60_000,
}, async () => {
  const base = Number(process.env.PARLEY_SEED ?? 1);
  for (let seed = base; seed < base + trials; seed++) {
    try {
      await runTrial(seed);
    } catch (error) {
      throw new Error(`seed ${seed} (PARLEY_SEED=${seed} repeats it): ${(error as Error).message}`, { cause: error });
    }
  }
});
