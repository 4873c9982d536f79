import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OnBusy } from '../../protocol/frames/common.ts';
import type { Gateway, GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { checkContiguous, textOf, transcript } from '../support/assembled-text.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { printVerdictLine, tally } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { tellTruth, truthOf } from '../support/truth.ts';

const seeds = Array.from(
  { length: process.env.PARLEY_LONG ? 50 : 3 },
  (_, i) => Number(process.env.PARLEY_SEED ?? 1) + i,
);

/** How long redis is stopped after it was noticed: longer than a lease. */
const awayMs = process.env.PARLEY_LONG ? 30_000 : 1_500;
const trials = process.env.PARLEY_LONG ? 10_000 : 200;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

let count = 0;
const newPrefix = (): string => `r${process.pid}_${count++}`;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for what must come; the test's own time limit is the only one. */
async function until(condition: () => unknown): Promise<void> {
  while (!condition()) await sleep(5);
}

async function connectTo(gateway: Gateway, session: string, s = 0): Promise<RawClient> {
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s, session, create: { settings: { onBusy: 'queue' } } });
  return client;
}

/** What the checker found in what these clients saw. */
function verdictOf(clients: RawClient[], more: object = {}, seed = Number(process.env.PARLEY_SEED ?? 1)): void {
  const ends = tally(clients.flatMap((client) => client.all('turn.ended').map(({ status }) => status)));
  const tokens = clients
    .flatMap((client) => client.all('turn.ended'))
    .reduce((sum, { usage }) => sum + usage.output, 0);
  printVerdictLine(expect.getState().currentTestName!, seed, { ends, tokens, ...more });
}

const endOf = (client: RawClient, turn: string) => client.all('turn.ended').find((end) => end.turn === turn);

/** Sends a turn again, as long as it is told to, until its end comes. */
async function persist(client: RawClient, s: number, id: string, onBusy: OnBusy = 'queue'): Promise<void> {
  for (let ref = 1_000; endOf(client, id) === undefined; ref++) {
    client.send({ t: 'turn', ref, s, id, input: `input of ${id}`, onBusy });
    const refusal = () => client.all('error').find((error) => error.turn === id && error.ref === ref);
    await until(() => endOf(client, id) ?? refusal());
    const refused = refusal();
    if (refused === undefined) return;
    expect(refused).toMatchObject({ retryable: true });
    await sleep(20);
  }
}

/** What must hold of a session after any trouble: one log, one end for each turn, one upstream call, and the store agrees. */
async function checkSession(
  clients: RawClient[],
  session: string,
  turns: string[],
  calls: ScriptedCall[],
  witness: Gateway,
) {
  const fresh = await RawClient.connect(witness.url);
  const attached = await fresh.attach({ ref: 1, s: 0, session });
  for (const turn of turns) await until(() => endOf(fresh, turn));
  const head = checkContiguous(fresh.frames, 0, 0);
  expect(attached.head).toBeLessThanOrEqual(head);
  for (const client of clients) {
    await until(() => turns.every((turn) => endOf(client, turn)));
    expect(checkContiguous(client.frames, 0, 0)).toBe(head);
    expect(transcript(client.frames, 0)).toEqual(transcript(fresh.frames, 0));
  }
  for (const turn of turns) {
    const ends = fresh.all('turn.ended').filter((end) => end.turn === turn);
    expect(ends).toHaveLength(1);
    expect(fresh.all('turn.accepted').filter((accepted) => accepted.turn === turn)).toHaveLength(1);
    expect(calls.filter((call) => call.request.turn === turn).length).toBeLessThanOrEqual(1);
    const text = textOf(fresh.frames, turn);
    if (ends[0]!.status === 'completed') expect(text).toBe(truthOf(turn));
    else expect(truthOf(turn).startsWith(text)).toBe(true);
  }
  await fresh.close();
}

function nodeOn(proxy: FaultProxy, options: GatewayOptions): Promise<Gateway> {
  return startTestGateway({ ...options, store: `redis://127.0.0.1:${proxy.port}` });
}

describe('fault 7: the connection is reset after a write ran, before its reply', () => {
  test.each(seeds)('seed %i: nothing is there twice, nothing is missing', { timeout: 60_000 }, async (seed) => {
    const random = seededRandom(seed);
    const proxy = await startFaultProxy(redis.port);
    const upstream = createScriptedUpstream(tellTruth(2));
    // so much trouble can keep a node from renewing a short lease: then it is rightly taken over, which is another test
    const options = { upstreamObjects: [upstream], redisPrefix: newPrefix(), leaseMs: 60_000 };
    let lost = 0;
    const a = await nodeOn(proxy, options);
    const b = await startTestGateway({ ...options, store: redis.url });
    const names = Array.from({ length: 5 }, (_, i) => `s${i}`);
    const pairs = await Promise.all(
      names.map(async (name) => [await connectTo(a, name), await connectTo(b, name)] as const),
    );
    proxy.losesReply = (request) => {
      const loses = random() < (request.includes('evalsha') ? 1 / 15 : 1 / 50);
      if (loses) lost++;
      return loses;
    };
    const turns = await Promise.all(
      pairs.map(async ([onA]) => {
        const ids: string[] = [];
        for (let round = 0; round < 3; round++) {
          const together = Array.from({ length: 1 + Math.floor(random() * 3) }, newTurnId);
          ids.push(...together);
          await Promise.all(
            together.map(async (id) => {
              // a cancel of a turn whose claim was not answered finds it all the same, or is remembered
              if (random() < 0.2) onA.send({ t: 'cancel', s: 0, turn: id });
              await persist(onA, 0, id, random() < 0.25 ? 'replace' : 'queue');
              if (random() < 0.2) onA.send({ t: 'cancel', s: 0, turn: id });
            }),
          );
        }
        return ids;
      }),
    );
    proxy.heal();
    expect(lost).toBeGreaterThan(0);
    for (const [i, pair] of pairs.entries()) await checkSession([...pair], names[i]!, turns[i]!, upstream.calls, b);
    for (const [onA] of pairs)
      for (const { status, reason } of onA.all('turn.ended')) {
        // with the store away again and again, a turn may not be able to read its session
        if (status === 'failed') expect(reason).toBe('store_unavailable');
        else expect(['completed', 'superseded', 'cancelled']).toContain(status);
      }
    // an end whose reply was lost is shown before the node knows what comes next
    await until(() => a.stats().turns === 0);
    verdictOf(
      pairs.map(([onA]) => onA),
      { lostReplies: lost },
      seed,
    );
  });
});

/** A server of its own, for what would disturb the other tests. */
async function ownRedis(args?: string[], port?: number): Promise<RedisServer> {
  const server = await startRedisServer(args, port);
  onTestFinished(() => server.stop());
  return server;
}

function adminOf(server: RedisServer): Redis {
  const admin = new Redis(server.url);
  admin.on('error', () => {});
  onTestFinished(() => admin.disconnect());
  return admin;
}

/** Two nodes that must not lose their lease, each with a client on every session, and a running turn in each. */
async function startPair(urls: [string, string], leaseMs = 1_000) {
  const upstream = createScriptedUpstream(tellTruth(30));
  const lost: string[] = [];
  const options = { upstreamObjects: [upstream], redisPrefix: newPrefix(), leaseMs };
  const a = await startTestGateway({ ...options, store: urls[0], onLeaseLost: () => lost.push('a') });
  const b = await startTestGateway({ ...options, store: urls[1], onLeaseLost: () => lost.push('b') });
  const onA = await connectTo(a, 'one');
  const onB = await connectTo(b, 'one');
  const turns = [newTurnId()];
  onA.send({ t: 'turn', s: 0, id: turns[0]!, input: `input of ${turns[0]!}` });
  await onB.next('delta');
  return { upstream, lost, options, a, b, onA, onB, turns };
}

/** Asks for a turn until it is refused. */
async function untilRefused(client: RawClient, turns: string[]): Promise<void> {
  const id = newTurnId();
  turns.push(id);
  client.send({ t: 'turn', ref: 77, s: 0, id, input: `input of ${id}` });
  expect(await client.next('error', (error) => error.ref === 77)).toMatchObject({
    turn: id,
    code: 'store_unavailable',
    retryable: true,
  });
}

async function finish(pair: Awaited<ReturnType<typeof startPair>>, checked = [pair.onA, pair.onB]): Promise<void> {
  const { onA, onB, turns, upstream, b, lost } = pair;
  for (const id of turns.slice(1)) await persist(onA, 0, id);
  turns.push(newTurnId());
  await persist(onB, 0, turns.at(-1)!);
  await until(() => turns.every((turn) => endOf(onB, turn)));
  expect(onB.all('turn.ended').map((end) => end.status)).toEqual(turns.map(() => 'completed'));
  await checkSession(checked, 'one', turns, upstream.calls, b);
  expect(lost).toEqual([]);
  verdictOf([onB]);
}

describe('fault 8: redis is away for longer than a lease', () => {
  test('stopped: streams wait, turns are refused, and every node goes on afterwards', { timeout: 90_000 }, async () => {
    const server = await ownRedis();
    const pair = await startPair([server.url, server.url]);
    process.kill(server.pid, 'SIGSTOP');
    await untilRefused(pair.onA, pair.turns);
    const seen = pair.onA.frames.filter((frame) => frame.t === 'delta').length;
    await sleep(awayMs);
    expect(pair.onA.frames.filter((frame) => frame.t === 'delta')).toHaveLength(seen);
    process.kill(server.pid, 'SIGCONT');
    await finish(pair);
  });

  test('killed and restarted with its append-only file: what was acknowledged is there (fault 10)', async () => {
    const args = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', temporaryDirectory()];
    const server = await ownRedis(args);
    const pair = await startPair([server.url, server.url]);
    await server.stop('SIGKILL');
    await untilRefused(pair.onA, pair.turns);
    await sleep(1_500);
    await ownRedis(args, server.port);
    await finish(pair);
  });

  test('restarted without its data: the node falls silent, and no cursor of before is taken for one of now (fault 10)', async () => {
    const server = await ownRedis();
    const pair = await startPair([server.url, server.url]);
    const cursor = checkContiguous(pair.onA.frames, 0, 0);
    const { epoch } = pair.onA.all('attached')[0]!;
    await server.stop('SIGKILL');
    await ownRedis([], server.port);
    expect((await pair.onA.closed).code).toBe(4005);
    expect((await pair.onB.closed).code).toBe(4005);
    expect(pair.lost.sort()).toEqual(['a', 'b']);
    expect(pair.upstream.calls[0]!.signal.aborted).toBe(true);
    const next = await startTestGateway({ ...pair.options, store: server.url });
    const client = await RawClient.connect(next.url);
    client.send({ t: 'attach', ref: 1, s: 0, session: 'one', epoch, after: cursor });
    expect(await client.next('error')).toMatchObject({ code: 'session_not_found' });
    const made = await client.attach({ ref: 2, s: 0, session: 'one', epoch, after: cursor, create: {} });
    expect(made.epoch).not.toBe(epoch);
    expect(made).toMatchObject({ from: 0, head: 0 });
    const other = await RawClient.connect(next.url);
    expect(await other.attach({ ref: 1, s: 0, session: 'one', epoch, after: cursor })).toMatchObject({
      outcome: 'snapshot',
      from: 0,
      epoch: made.epoch,
    });
  });
});

describe('fault 9: redis is blackholed', () => {
  test('it is noticed, and all goes on when it heals', async () => {
    const proxy = await startFaultProxy(redis.port);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const pair = await startPair([url, url]);
    proxy.blackhole();
    await untilRefused(pair.onA, pair.turns);
    await sleep(2_000);
    proxy.heal();
    await finish(pair);
  });

  test('for one node alone: another ends its turn, and it falls silent when it is back', async () => {
    const proxy = await startFaultProxy(redis.port);
    const pair = await startPair([`redis://127.0.0.1:${proxy.port}`, redis.url]);
    const { onA, onB, turns, lost } = pair;
    proxy.blackhole();
    expect(await onB.next('turn.ended')).toMatchObject({ turn: turns[0]!, status: 'interrupted' });
    proxy.heal();
    expect((await onA.closed).code).toBe(4005);
    expect(lost).toEqual(['a']);
    expect(truthOf(turns[0]!).startsWith(textOf(onA.frames, turns[0]!))).toBe(true);
    expect(textOf(onB.frames, turns[0]!).startsWith(textOf(onA.frames, turns[0]!))).toBe(true);
    turns.push(newTurnId());
    await persist(onB, 0, turns[1]!);
    await checkSession([onB], 'one', turns, pair.upstream.calls, pair.b);
  });
});

describe('fault 13: the subscription of a following node is killed', () => {
  test('and again while it subscribes: it is only tried once more', async () => {
    const proxy = await startFaultProxy(redis.port);
    const pair = await startPair([`redis://127.0.0.1:${proxy.port}`, redis.url], 60_000);
    const admin = adminOf(redis);
    const tries: Buffer[] = [];
    proxy.losesReply = (request) => request.includes('subscribe') && tries.push(request) <= 3;
    while (tries.length <= 3) {
      await admin.call('client', 'kill', 'type', 'pubsub');
      await sleep(200);
    }
    await finish(pair);
  });

  test('again and again: what was missed is seen and asked for', async () => {
    const server = await ownRedis();
    const admin = adminOf(server);
    const pair = await startPair([server.url, server.url]);
    while (endOf(pair.onA, pair.turns[0]!) === undefined) {
      await admin.call('client', 'kill', 'type', 'pubsub');
      await sleep(60);
    }
    await finish(pair);
  });
});

describe('fault 12: redis refuses', () => {
  test('NOSCRIPT: commands are sent in full, whenever the scripts are gone', async () => {
    const server = await ownRedis();
    const admin = adminOf(server);
    const pair = await startPair([server.url, server.url]);
    while (endOf(pair.onA, pair.turns[0]!) === undefined) {
      await admin.script('FLUSH');
      await sleep(10);
    }
    pair.turns.push(newTurnId());
    await admin.script('FLUSH');
    await persist(pair.onA, 0, pair.turns[1]!);
    expect(pair.onA.all('error')).toEqual([]);
    await finish(pair);
  });

  test.each([
    ['OOM', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
    ['READONLY', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
  ])('%s: turns are told to try later, streams wait, and there is no storm', async (_name, trouble, relief) => {
    const server = await ownRedis();
    const proxy = await startFaultProxy(server.port);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const admin = adminOf(server);
    const pair = await startPair([url, url]);
    await admin.call(...(trouble as [string, ...string[]]));
    await untilRefused(pair.onA, pair.turns);
    const connections = proxy.connections;
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await admin.info('stats'))![1]);
    const before = await commands();
    await sleep(1_500);
    expect(proxy.connections - connections).toBeLessThan(12);
    expect((await commands()) - before).toBeLessThan(300);
    await admin.call(...(relief as [string, ...string[]]));
    await finish(pair);
  });

  test('LOADING: as if it were away', async () => {
    const args = ['--dir', temporaryDirectory()];
    const server = await ownRedis(args);
    const pair = await startPair([server.url, server.url]);
    await until(() => endOf(pair.onA, pair.turns[0]!));
    await adminOf(server).call('save');
    await server.stop('SIGKILL');
    const slow = ['--key-load-delay', '200000', '--loading-process-events-interval-bytes', '1024'];
    const loaded = ownRedis([...args, ...slow], server.port);
    await untilRefused(pair.onA, pair.turns);
    await loaded;
    await finish(pair);
  });
});

describe('faults 20, 26 and 27: races over two nodes', () => {
  test(`${trials} seeded trials of turn, cancel, repeat and replace: one end each, and everybody agrees`, {
    timeout: process.env.PARLEY_LONG ? 30 * 60_000 : 90_000,
  }, async () => {
    const upstream = createScriptedUpstream(tellTruth(1));
    const options = { upstreamObjects: [upstream], redisPrefix: newPrefix(), store: redis.url };
    const [a, b] = [await startTestGateway(options), await startTestGateway(options)];
    const base = Number(process.env.PARLEY_SEED ?? 1);
    const ends: string[] = [];
    for (let first = base; first < base + trials; first += 20) {
      const batch = Array.from({ length: 20 }, (_, i) => first + i);
      ends.push(...(await Promise.all(batch.map((seed) => runTrial(seed, a, b, upstream.calls)))).flat());
    }
    printVerdictLine('races over two nodes', base, { trials, ends: tally(ends) });
  });

  async function runTrial(seed: number, a: Gateway, b: Gateway, calls: ScriptedCall[]): Promise<string[]> {
    const random = seededRandom(seed);
    const session = `trial-${seed}`;
    const clients = [await connectTo(a, session), await connectTo(b, session), await connectTo(b, session)];
    const pause = (): Promise<void> => sleep(Math.floor(random() * 40));
    const anyClient = (): RawClient => clients[Math.floor(random() * clients.length)]!;
    const turns = Array.from({ length: 1 + Math.floor(random() * 3) }, newTurnId);
    const early = newTurnId();
    const actions = turns.flatMap((id) => {
      const onBusy: OnBusy = random() < 0.25 ? 'replace' : 'queue';
      const submit = async (): Promise<void> => {
        await pause();
        await persist(anyClient(), 0, id, onBusy);
      };
      const cancel = async (): Promise<void> => {
        await pause();
        anyClient().send({ t: 'cancel', s: 0, turn: id });
      };
      return [submit, ...(random() < 0.5 ? [submit] : []), ...(random() < 0.7 ? [cancel] : [])];
    });
    await Promise.all(actions.map((action) => action()));
    // and one whose cancel was surely first, on another node
    clients[0]!.send({ t: 'cancel', ref: 9, s: 0, turn: early });
    await until(() => clients[0]!.all('cancelling').some((cancelling) => cancelling.ref === 9));
    await persist(clients[1]!, 0, early);
    await checkSession(clients, session, [...turns, early], calls, b);
    expect(endOf(clients[2]!, early)).toMatchObject({ status: 'cancelled' });
    expect(calls.some((call) => call.request.turn === early)).toBe(false);
    for (const client of clients) await client.close();
    return clients[2]!.all('turn.ended').map(({ status }) => status);
  }

  test('another input under the same id is refused on the other node, even after the end', async () => {
    const upstream = createScriptedUpstream(tellTruth(1));
    const options = { upstreamObjects: [upstream], redisPrefix: newPrefix(), store: redis.url };
    const [a, b] = [await startTestGateway(options), await startTestGateway(options)];
    const [onA, onB] = [await connectTo(a, 'one'), await connectTo(b, 'one')];
    const id = newTurnId();
    onA.send({ t: 'turn', s: 0, id, input: 'this' });
    await onB.next('turn.accepted');
    onB.send({ t: 'turn', ref: 2, s: 0, id, input: 'that' });
    expect(await onB.next('error')).toMatchObject({ ref: 2, code: 'idempotency_conflict' });
    await until(() => endOf(onB, id));
    onB.send({ t: 'turn', ref: 3, s: 0, id, input: 'that' }, { t: 'turn', ref: 4, s: 0, id, input: 'this' });
    await until(() => onB.all('error').some((error) => error.ref === 3 && error.code === 'idempotency_conflict'));
    await until(() => onB.all('turn.state').some((state) => state.ref === 4 && state.state === 'ended'));
    expect(upstream.calls).toHaveLength(1);
  });
});
