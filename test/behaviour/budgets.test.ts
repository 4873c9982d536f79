import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';
import type { Meter } from '../../src/store/account-contract.ts';
import type { Store } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { isEvent, textOf } from '../support/assembled-text.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { answerWith, createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { testModel } from '../support/test-model.ts';

let redis: RedisServer | undefined;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.stop());

const stores: { name: string; open(): Promise<Store> }[] = [
  { name: 'embedded', open: async () => openEmbeddedStore({ directory: temporaryDirectory() }) },
  {
    name: 'redis',
    open: () =>
      openRedisStore({ url: redis!.url, prefix: `b${Math.random().toString(36).slice(2)}`, node: newTurnId() }),
  },
];

/** A millionth of a dollar for each token of input, two for each of output. */
const model = testModel('gpt-4o', { input: 1, output: 2 });

/** One token each. */
const words = (count: number): string[] => Array.from({ length: count }, () => ' word');

/** One token each, and a pause between them. */
function paced(count: number): (call: ScriptedCall) => void {
  return ({ sink, signal }) => {
    let i = 0;
    const timer = setInterval(() => {
      if (signal.aborted || i++ === count) return clearInterval(timer);
      sink.onText(' word');
    }, 1);
  };
}

async function start(
  store: Store,
  answer: (call: ScriptedCall) => void,
  options: GatewayOptions = {},
): Promise<{ client: RawClient; upstream: ReturnType<typeof createScriptedUpstream>; store: Store }> {
  const upstream = createScriptedUpstream(answer);
  const gateway = await startTestGateway({
    store,
    upstreamObjects: [upstream],
    catalogue: { models: [model] },
    ...options,
  });
  const client = await RawClient.connect(gateway.url);
  onTestFinished(() => client.close());
  return { client, upstream, store };
}

async function attach(client: RawClient, s: number, session = `s${s}`): Promise<void> {
  client.send({ t: 'attach', ref: s, s, session, create: {} });
  await client.next('attached', (frame) => frame.s === s);
}

/** Its end, or the error it was refused with. */
async function outcomeOf(client: RawClient, id: string) {
  const found = () =>
    client.frames.find((frame) => (frame.t === 'turn.ended' || frame.t === 'error') && frame.turn === id);
  await expect.poll(found).toBeDefined();
  const frame = found()!;
  if (frame.t !== 'turn.ended' && frame.t !== 'error') throw new Error('never');
  return frame;
}

const budgetOf = (name: string, unit: Meter['unit'], max: number, window?: Meter['window']): Meter => ({
  name,
  unit,
  max,
  window,
});

async function ledgerOf(store: Store) {
  return (await store.accounts.readLedger('default', { from: 0, to: Date.now() + 60_000, limit: 10_000 })).rows;
}

describe.each(stores)('limits and budgets on $name', ({ open }) => {
  test('turns beyond the limit are refused with its name and when to try again, and leave nothing behind', async () => {
    const { client } = await start(await open(), answerWith(words(3)), {
      quotas: { user: { turnsPerMinute: 2 } },
    });
    await attach(client, 0);
    for (let i = 0; i < 2; i++) {
      const id = newTurnId();
      client.send({ t: 'turn', s: 0, id, input: 'hello' });
      expect(await outcomeOf(client, id)).toMatchObject({ t: 'turn.ended', status: 'completed' });
    }
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'hello' });
    const refused = await outcomeOf(client, id);
    expect(refused).toMatchObject({ t: 'error', code: 'rate_limited', retryable: true });
    expect(refused.t === 'error' && refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.message).toContain('This user');
    client.send({ t: 'history', ref: 5, s: 0 });
    expect((await client.next('history')).turns).toHaveLength(2);
    // a turn that is known is joined, whatever the limits say
    const [first] = (client.frames.filter((frame) => frame.t === 'turn.ended') as { turn: string }[]).map(
      (f) => f.turn,
    );
    client.send({ t: 'turn', ref: 9, s: 0, id: first!, input: 'hello' });
    expect(await client.next('turn.state', (frame) => frame.ref === 9)).toMatchObject({ state: 'ended' });
  });

  test('a running answer is cut at the token at which a budget of tokens is used up', async () => {
    const store = await open();
    const { client, upstream } = await start(store, paced(400), {
      quotas: { tenant: { outputTokensPerDay: 70 }, estimateTokens: 16 },
    });
    await attach(client, 0);
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'hello' });
    const end = await outcomeOf(client, id);
    expect(end).toMatchObject({
      t: 'turn.ended',
      status: 'limited',
      reason: 'budget_exceeded',
      limit: { name: 'outputTokensPerDay', scope: 'tenant' },
      usage: { output: 70 },
    });
    expect(textOf(client.frames.filter(isEvent), id)).toBe(words(70).join(''));
    expect(upstream.calls[0]!.signal.aborted).toBe(true);
    const next = newTurnId();
    client.send({ t: 'turn', s: 0, id: next, input: 'hello' });
    const refused = await outcomeOf(client, next);
    expect(refused).toMatchObject({ t: 'error', code: 'budget_exceeded' });
    // both say how long the day still is
    const waitMs = end.t === 'turn.ended' && end.limit?.retryAfterMs;
    expect(waitMs).toBeGreaterThanOrEqual((refused.t === 'error' && refused.retryAfterMs) || Number.NaN);
    expect(
      await store.accounts.readMeters('default', [budgetOf('tenant:/outputTokensPerDay', 'output', 70, 'day')]),
    ).toEqual([{ used: 70, held: 0 }]);
  });

  test('an answer that is longer than what was reserved goes on as long as there is more', async () => {
    const store = await open();
    const { client } = await start(store, answerWith(words(300)), {
      quotas: { user: { outputTokensPerDay: 10_000, costUsdPerDay: 1 }, estimateTokens: 5 },
    });
    await attach(client, 0);
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'hello' });
    expect(await outcomeOf(client, id)).toMatchObject({ status: 'completed', usage: { output: 300 } });
    expect(textOf(client.frames.filter(isEvent), id)).toBe(words(300).join(''));
  });

  test('two hundred turns at once spend no more than a budget for ten, and hold nothing afterwards', async () => {
    const store = await open();
    const { client } = await start(store, answerWith(words(50)), {
      // 8 of input and 50 of output are 108 millionths of a dollar
      quotas: { tenant: { costUsdPerDay: 10.5 * 108e-6 } },
      limits: { maxAttachments: 300 },
    });
    await Promise.all(Array.from({ length: 200 }, (_, s) => attach(client, s)));
    const ids = Array.from({ length: 200 }, () => newTurnId());
    for (const [s, id] of ids.entries())
      client.send({ t: 'turn', s, id, input: 'hello', limits: { maxOutputTokens: 50 } });
    const outcomes = await Promise.all(ids.map((id) => outcomeOf(client, id)));
    const ends = outcomes.filter((frame) => frame.t === 'turn.ended');
    const spent = ends.reduce((sum, end) => sum + end.costUsd!, 0);
    expect(spent).toBeLessThanOrEqual(10.5 * 108e-6);
    expect(ends.filter(({ status }) => status === 'completed')).toHaveLength(10);
    for (const frame of outcomes) if (frame.t === 'error') expect(frame.code).toBe('budget_exceeded');
    const [use] = await store.accounts.readMeters('default', [budgetOf('tenant:/costUsdPerDay', 'cost', 1, 'day')]);
    expect(use).toEqual({ used: Math.round(spent * 1e9), held: 0 });
    const rows = await ledgerOf(store);
    expect(rows.reduce((sum, row) => sum + row.costNanoUsd!, 0)).toBe(Math.round(spent * 1e9));
  });

  test('a turn’s own budget cuts it, too', async () => {
    const { client } = await start(await open(), answerWith(words(400)));
    await attach(client, 0);
    const id = newTurnId();
    // what the input costs, and 25 tokens
    client.send({ t: 'turn', s: 0, id, input: 'hello', limits: { maxCostUsd: 8e-6 + 25 * 2e-6 } });
    expect(await outcomeOf(client, id)).toMatchObject({
      status: 'limited',
      reason: 'budget_exceeded',
      limit: { name: 'maxCostUsd', scope: 'turn' },
      usage: { output: 25 },
      costUsd: 58e-6,
    });
    const tooSmall = newTurnId();
    client.send({ t: 'turn', s: 0, id: tooSmall, input: 'hello', limits: { maxCostUsd: 1e-6 } });
    expect(await outcomeOf(client, tooSmall)).toMatchObject({ t: 'error', code: 'budget_exceeded', retryable: false });
  });

  test('a turn that was taken is joined, whatever its asker may spend now', async () => {
    const store = await open();
    const { client } = await start(store, answerWith(['done']), { quotas: { tenant: { turnsPerDay: 1 } } });
    await attach(client, 0);
    const turn = { t: 'turn', s: 0, id: newTurnId(), input: 'once' } as const;
    client.send(turn);
    expect(await outcomeOf(client, turn.id)).toMatchObject({ status: 'completed' });
    client.send(turn);
    expect(await client.next('turn.state', ({ state }) => state === 'ended')).toMatchObject({ turn: turn.id });
    const next = newTurnId();
    client.send({ ...turn, id: next });
    expect(await outcomeOf(client, next)).toMatchObject({ t: 'error', code: 'budget_exceeded' });
  });

  test('turns that run at once are counted, and their places given back however they end', async () => {
    const store = await open();
    const { client, upstream } = await start(store, () => {}, { quotas: { key: {}, user: { concurrentTurns: 2 } } });
    for (const s of [0, 1, 2]) await attach(client, s);
    const ids = [newTurnId(), newTurnId(), newTurnId()] as const;
    client.send({ t: 'turn', s: 0, id: ids[0], input: 'a' }, { t: 'turn', s: 1, id: ids[1], input: 'b' });
    const [first, second] = [await upstream.nextCall(), await upstream.nextCall()];
    client.send({ t: 'turn', s: 2, id: ids[2], input: 'c' });
    expect(await outcomeOf(client, ids[2])).toMatchObject({ t: 'error', code: 'rate_limited', retryAfterMs: 1_000 });
    client.send({ t: 'cancel', s: 0, turn: ids[0] });
    expect(await outcomeOf(client, ids[0])).toMatchObject({ status: 'cancelled' });
    // the same id again
    client.frames.splice(0);
    client.send({ t: 'turn', s: 2, id: ids[2], input: 'c' });
    const third = await upstream.nextCall();
    expect(first.signal.aborted).toBe(true);
    for (const { sink } of [second, third]) {
      sink.onEnd('stop', 'stop');
      sink.onClose();
    }
    expect(await outcomeOf(client, ids[2])).toMatchObject({ status: 'completed' });
    await expect
      .poll(() => store.accounts.readMeters('default', [budgetOf('user:anonymous/concurrentTurns', 'open', 2)]))
      .toEqual([{ used: 0, held: 0 }]);
  });

  test('a turn that was refused for another reason gives its reservation back', async () => {
    const store = await open();
    const { client, upstream } = await start(store, () => {}, {
      quotas: { tenant: { turnsPerDay: 5, costUsdPerDay: 1 } },
    });
    await attach(client, 0);
    const running = newTurnId();
    client.send({ t: 'turn', s: 0, id: running, input: 'a' });
    await upstream.nextCall();
    const meters = [
      budgetOf('tenant:/turnsPerDay', 'turns', 5, 'day'),
      budgetOf('tenant:/costUsdPerDay', 'cost', 1e9, 'day'),
    ];
    const before = await store.accounts.readMeters('default', meters);
    const busy = newTurnId();
    client.send({ t: 'turn', s: 0, id: busy, input: 'b' });
    expect(await outcomeOf(client, busy)).toMatchObject({ t: 'error', code: 'turn_in_progress' });
    await expect.poll(() => store.accounts.readMeters('default', meters)).toEqual(before);
  });

  test('a provider is asked for no more than is left of a budget', async () => {
    const { client, upstream } = await start(await open(), () => {}, {
      quotas: { tenant: { outputTokensPerDay: 70 }, estimateTokens: 100 },
    });
    await attach(client, 0);
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'hello' });
    const { request, sink } = await upstream.nextCall();
    expect(request.params.maxOutputTokens).toBe(70);
    for (const word of words(70)) sink.onText(word);
    sink.onEnd('length', 'length');
    sink.onClose();
    expect(await outcomeOf(client, id)).toMatchObject({
      status: 'limited',
      reason: 'budget_exceeded',
      limit: { name: 'outputTokensPerDay', scope: 'tenant' },
      usage: { output: 70 },
    });
  });

  test('sockets are counted, and a place is free again when one closes', async () => {
    const store = await open();
    const gateway = await startTestGateway({
      store,
      upstreamObjects: [createScriptedUpstream()],
      quotas: { user: { sockets: 2 } },
    });
    const [first] = [await RawClient.connect(gateway.url), await RawClient.connect(gateway.url)];
    const third = await RawClient.open(gateway.url);
    third.send({ t: 'hello' });
    expect(await third.next('error')).toMatchObject({ code: 'rate_limited' });
    expect((await third.closed).code).toBe(4305);
    await first!.close();
    const again = async () => {
      const client = await RawClient.open(gateway.url);
      client.send({ t: 'hello' });
      await Promise.race([client.next('welcome').catch(() => {}), client.closed]);
      return client.frames.some(({ t }) => t === 'welcome');
    };
    await expect.poll(again).toBe(true);
  });

  test('whoever wants to know is told once when a share of a budget is used', async () => {
    const told: object[] = [];
    const { client } = await start(await open(), answerWith(words(30)), {
      quotas: { user: { outputTokensPerDay: 90 }, tenant: { costUsdPerDay: 1 }, alertAt: [0.5, 1] },
      logger: {
        ...silentLogger,
        warn: (fields, message) => void (message.includes('threshold') && told.push(fields)),
      },
    });
    await attach(client, 0);
    for (let i = 0; i < 5; i++) {
      const id = newTurnId();
      client.send({ t: 'turn', s: 0, id, input: 'hello', limits: { maxOutputTokens: 30 } });
      await outcomeOf(client, id);
    }
    expect(told).toMatchObject([
      { limit: 'outputTokensPerDay', scope: 'user', user: 'anonymous', threshold: 0.5, max: 90 },
      { limit: 'outputTokensPerDay', threshold: 1, used: 90 },
    ]);
  });

  test('a model without a price is refused where cost is limited, or free where that is configured', async () => {
    const unknown = { catalogue: { models: [] }, quotas: { tenant: { costUsdPerDay: 1 } } };
    const upstream = { ...createScriptedUpstream(answerWith(words(3))), defaultModel: 'gpt-made-up' };
    const run = async (options: GatewayOptions, limits?: { maxCostUsd: number }) => {
      const gateway = await startTestGateway({ store: await open(), upstreamObjects: [upstream], ...options });
      const client = await RawClient.connect(gateway.url);
      onTestFinished(() => client.close());
      await attach(client, 0);
      const id = newTurnId();
      client.send({ t: 'turn', s: 0, id, input: 'hello', limits });
      return outcomeOf(client, id);
    };
    expect(await run(unknown)).toMatchObject({ t: 'error', code: 'price_unknown' });
    expect(await run({}, { maxCostUsd: 1 })).toMatchObject({ t: 'error', code: 'price_unknown' });
    const free = await run({ ...unknown, quotas: { ...unknown.quotas, unknownPrice: 'free' } });
    expect(free).toMatchObject({ status: 'completed', costUsd: 0 });
    // nothing limits its cost: it runs, and nobody says that it was free
    const plain = await run({});
    expect(plain).toMatchObject({ status: 'completed' });
    expect(plain).not.toHaveProperty('costUsd');
  });

  test('a limit below a single turn says that it is too small', async () => {
    const { client } = await start(await open(), answerWith(words(3)), {
      quotas: { session: { inputTokensPerMinute: 4 } },
    });
    await attach(client, 0);
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'a rather long input for so small a limit' });
    const refused = await outcomeOf(client, id);
    expect(refused).toMatchObject({ t: 'error', code: 'budget_exceeded', retryable: false });
    expect(refused).not.toHaveProperty('retryAfterMs');
    expect(refused.message).toContain('inputTokensPerMinute');
  });

  test('input and output of a turn are bounded by whoever asks', async () => {
    const { client } = await start(await open(), answerWith(words(100)), {
      quotas: { user: { maxInputTokens: 20 }, tenant: { maxOutputTokens: 30 } },
    });
    await attach(client, 0);
    const [long, short] = [newTurnId(), newTurnId()];
    client.send({ t: 'turn', s: 0, id: long, input: words(40).join('') });
    expect(await outcomeOf(client, long)).toMatchObject({ t: 'error', code: 'input_too_large' });
    client.send({ t: 'turn', s: 0, id: short, input: 'hello' });
    expect(await outcomeOf(client, short)).toMatchObject({ reason: 'max_output_tokens', usage: { output: 30 } });
  });

  test('limits of a route hold for its turns alone', async () => {
    const { client } = await start(await open(), answerWith(words(3)), {
      routes: [{ name: 'dear', match: { task: 'dear' }, model: 'scripted/gpt-4o', limits: { turnsPerMinute: 1 } }],
    });
    await attach(client, 0);
    const say = async (task?: string) => {
      const id = newTurnId();
      client.send({ t: 'turn', s: 0, id, input: 'x', metadata: task === undefined ? undefined : { task } });
      return outcomeOf(client, id);
    };
    expect(await say('dear')).toMatchObject({ status: 'completed' });
    expect(await say('dear')).toMatchObject({ code: 'rate_limited' });
    expect(await say()).toMatchObject({ status: 'completed' });
  });
});
