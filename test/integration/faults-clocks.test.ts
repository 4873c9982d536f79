import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { checkContiguous, textOf, transcript } from '../support/assembled-text.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/persistent-client.ts';
import { printVerdictLine, tally } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { tellTruth, truthOf } from '../support/truth.ts';

const tenMinutesMs = 600_000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

/** A wall clock that is wrong, and may jump. */
function wrongClock(offsetMs: number): Clock & { offsetMs: number } {
  const clock = { ...systemClock, offsetMs, wall: () => Date.now() + clock.offsetMs };
  return clock;
}

let count = 0;

/** Three nodes whose clocks are ten minutes apart from each other, the first behind a proxy, and a client on each. */
async function startNodes(answer: ((call: ScriptedCall) => void) | undefined, options: GatewayOptions = {}) {
  const upstream = createScriptedUpstream(answer);
  const proxy: FaultProxy = await startFaultProxy(redis.port);
  const redisPrefix = `w${process.pid}_${count++}`;
  const clocks = [wrongClock(tenMinutesMs), wrongClock(-tenMinutesMs), wrongClock(0)] as const;
  const gateways = await Promise.all(
    clocks.map((clock, i) =>
      startTestGateway({
        upstreamObjects: [upstream],
        redisPrefix,
        store: i === 0 ? `redis://127.0.0.1:${proxy.port}` : redis.url,
        leaseMs: 1_000,
        clock,
        ...options,
      }),
    ),
  );
  const clients = await Promise.all(gateways.map(({ url }) => RawClient.connect(url)));
  for (const client of clients) await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
  return { upstream, proxy, clocks, gateways, clients: clients as [RawClient, RawClient, RawClient] };
}

const endOf = (client: RawClient, turn: string) => client.all('turn.ended').find((end) => end.turn === turn);

describe('fault 29: the wall clocks of three nodes are ten minutes apart', () => {
  test('turns of all of them are one log, followed everywhere, with one history in the order of the log', async () => {
    const { clients, upstream } = await startNodes(tellTruth(1));
    const turns: string[] = [];
    for (let i = 0; i < 6; i++) {
      const id = newTurnId();
      turns.push(id);
      clients[i % 3]!.send({ t: 'turn', s: 0, id, input: `n${i}`, onBusy: 'queue' });
      // the same from elsewhere, at once: joined, whatever its clock says
      clients[(i + 1) % 3]!.send({ t: 'turn', ref: 50 + i, s: 0, id, input: `n${i}`, onBusy: 'queue' });
      for (const client of clients) await until(() => endOf(client, id));
    }
    const last = clients[0];
    for (const client of clients) {
      expect(client.all('error')).toEqual([]);
      checkContiguous(client.frames, 0, 0);
      expect(transcript(client.frames, 0)).toEqual(transcript(last.frames, 0));
      client.send({ t: 'history', ref: 99, s: 0, limit: 100 });
      const { turns: page } = await client.next('history');
      expect(page.map(({ turn }) => turn)).toEqual(turns.toReversed());
      expect(page.map(({ text }) => text)).toEqual(turns.toReversed().map(truthOf));
    }
    // what was accepted later is not earlier in the window of the next turn, though a clock says so
    expect(upstream.calls).toHaveLength(6);
    const ends = tally(clients.flatMap((client) => client.all('turn.ended').map(({ status }) => status)));
    printVerdictLine('fault 29', Number(process.env.PARLEY_SEED ?? 1), {
      nodes: clients.length,
      turns: turns.length,
      ends,
    });
    const inputs = upstream.calls.at(-1)!.request.messages.filter(({ role }) => role === 'user');
    expect(inputs.map((message) => ('content' in message ? message.content : ''))).toEqual(
      Array.from({ length: 6 }, (_, i) => `n${i}`),
    );
  });

  test('a cancel that came before its turn, by way of any of them, is remembered by all', async () => {
    const { clients, upstream } = await startNodes(tellTruth(1));
    for (const [i, client] of clients.entries()) {
      for (const other of clients.filter((candidate) => candidate !== client)) {
        const id = newTurnId();
        const ref = 100 + i;
        client.send({ t: 'cancel', ref, s: 0, turn: id });
        expect(await client.next('cancelling', (answer) => answer.turn === id)).toMatchObject({
          upstream: 'not_started',
        });
        other.send({ t: 'turn', s: 0, id, input: 'late', onBusy: 'queue' });
        await until(() => endOf(other, id));
        expect(endOf(other, id)).toMatchObject({ status: 'cancelled' });
      }
    }
    expect(upstream.calls).toEqual([]);
  });

  test('the node whose clock is ahead is taken over only when it is cut off, and once', async () => {
    const { clients, proxy, upstream } = await startNodes(tellTruth(60));
    const [onFirst, onSecond, onThird] = clients;
    const id = newTurnId();
    onFirst.send({ t: 'turn', s: 0, id, input: 'go' });
    // longer than a lease and two looks for dead nodes: nobody takes anybody for dead
    await onThird.next('delta', (delta) => delta.pos > 250);
    proxy.blackhole();
    await until(() => endOf(onSecond, id) && endOf(onThird, id));
    proxy.heal();
    expect((await onFirst.closed).code).toBe(4005);
    expect(endOf(onSecond, id)).toMatchObject({ status: 'interrupted', reason: 'node_lost' });
    expect(transcript(onThird.frames, 0)).toEqual(transcript(onSecond.frames, 0));
    expect(textOf(onSecond.frames, id).startsWith(textOf(onFirst.frames, id))).toBe(true);
    expect(truthOf(id).startsWith(textOf(onSecond.frames, id))).toBe(true);
    expect(upstream.calls).toHaveLength(1);
  });

  test('retention by number and by age goes by the log and by the clock of the store', async () => {
    const retention = { maxTurns: 2, maxAgeDays: 5 / (24 * 60), tidyMs: 50 };
    const { clients } = await startNodes(tellTruth(1), { retention });
    const turns: string[] = [];
    for (let i = 0; i < 6; i++) {
      const id = newTurnId();
      turns.push(id);
      clients[i % 3]!.send({ t: 'turn', s: 0, id, input: `n${i}`, onBusy: 'queue' });
      for (const client of clients) await until(() => endOf(client, id));
    }
    const kept = async (client: RawClient): Promise<string[]> => {
      client.send({ t: 'history', ref: 99, s: 0 });
      return (await client.next('history')).turns.map(({ turn }) => turn);
    };
    // some rounds over all that is stored: what ended a moment ago is not five minutes old for anybody
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const client of clients) {
      while ((await kept(client)).length > 2) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await kept(client)).toEqual(turns.slice(-2).toReversed());
    }
  });

  test('a turn whose claim was not answered replaces those before it, though the clock was set back meanwhile', async () => {
    const { clients, proxy, clocks, upstream } = await startNodes(undefined);
    const [onFirst, onSecond] = clients;
    const [running, waiting, replacing] = [newTurnId(), newTurnId(), newTurnId()];
    onFirst.send({ t: 'turn', s: 0, id: running, input: 'running' });
    await upstream.nextCall();
    onFirst.send({ t: 'turn', s: 0, id: waiting, input: 'waiting', onBusy: 'queue' });
    await onSecond.next('turn.accepted', (accepted) => accepted.turn === waiting);
    clocks[0].offsetMs = -tenMinutesMs;
    let lost = false;
    proxy.losesReply = (request) => {
      const isClaim = !lost && request.includes(replacing);
      lost ||= isClaim;
      return isClaim;
    };
    const frame = { t: 'turn', s: 0, id: replacing, input: 'instead', onBusy: 'replace' } as const;
    onFirst.send({ ...frame, ref: 7 });
    expect(await onFirst.next('error')).toMatchObject({ ref: 7, code: 'store_unavailable', retryable: true });
    proxy.heal();
    while (!onFirst.all('turn.accepted').some(({ turn }) => turn === replacing)) {
      onFirst.send({ ...frame, ref: 8 });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const id of [running, waiting]) {
      await until(() => endOf(onSecond, id));
      expect(endOf(onSecond, id)).toMatchObject({ status: 'superseded', reason: replacing });
    }
    expect((await upstream.nextCall()).request.turn).toBe(replacing);
  });
});
