import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UpstreamMessage } from '../../src/upstream/contract.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { askWindow, firstCalls, pin, shown, withoutTurns } from '../support/windows.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

/** One node on the embedded store, or two on Redis, of which each does what comes by turns. */
const scenes = Array.from({ length: 36 }, (_, i) => ({ seed: i + 1, nodes: i % 3 === 0 ? 2 : 1 }));
const rounds = 60;

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

/** Tool calls and results come in pairs, the results right behind their calls. */
function checkPairs(messages: readonly UpstreamMessage[]): void {
  const open: string[] = [];
  for (const message of messages) {
    if (message.role === 'tool') expect(open.shift()).toBe(message.call);
    else expect(open).toEqual([]);
    if (message.role === 'assistant') open.push(...(message.toolCalls ?? []).map((call) => call.id));
  }
  expect(open).toEqual([]);
}

test.each(scenes)(
  'seed $seed on $nodes node(s): whatever happens to a session, windows keep their promises and can be asked for',
  async ({ seed, nodes }) => {
    const random = seededRandom(seed);
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
    let failing = false;
    const hanging = new Set<string>();
    const answer = ({ request, sink, signal }: ScriptedCall): void => {
      const isTool = request.messages.at(-1)?.role === 'tool';
      const wants = !isTool && random() < 0.2;
      const words = 'word '.repeat(1 + Math.floor(random() * 40));
      if (random() < 0.1) hanging.add(request.turn);
      setImmediate(() => {
        if (signal.aborted) return;
        if (wants) {
          sink.onToolCall({ id: `c${Math.floor(random() * 1e9)}`, name: 'look', arguments: '{}' });
          return sink.onEnd('tool_calls', undefined);
        }
        sink.onText(words);
        // some are cancelled in mid-sentence
        if (!hanging.has(request.turn)) sink.onEnd('stop', 'stop');
      });
    };
    const summarise = ({ sink }: ScriptedCall): void => {
      const fails = failing;
      setImmediate(() => {
        sink.onText(fails ? '' : `summary ${Math.floor(random() * 1e6)}`);
        sink.onEnd('stop', 'stop');
      });
    };
    /** Plays the client of a turn until its end. */
    const finish = async (client: RawClient, turn: string): Promise<void> => {
      const answered = new Set<string>();
      while (!client.all('turn.ended').some((ended) => ended.turn === turn)) {
        for (const { call } of client.all('tool.call').filter((event) => event.turn === turn)) {
          if (!answered.has(call)) client.send({ t: 'tool.result', s: 0, turn, call, output: 'seen' });
          answered.add(call);
        }
        const isStuck = hanging.has(turn) && client.all('delta').some((delta) => delta.turn === turn);
        if (isStuck && !answered.has('cancel')) client.send({ t: 'cancel', s: 0, turn });
        if (isStuck) answered.add('cancel');
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const place =
      nodes === 1 ? { data: temporaryDirectory() } : { store: redis.url, redisPrefix: `b${process.pid}_${seed}` };
    const calls: ScriptedCall[] = [];
    const start = async () => {
      const chat = createScriptedUpstream((call) => (calls.push(call), answer(call)), 'chat');
      const notes = createScriptedUpstream(summarise, 'notes');
      const summary = { route: 'notes', maxTokens: 40 };
      const gateway = await startTestGateway({ ...place, upstreamObjects: [chat, notes], summary });
      const client = await RawClient.connect(gateway.url);
      const create = { settings: { system: 'S', tools: [{ name: 'look' }], window: { maxTokens: 300 } } };
      await client.attach({ ref: 1, s: 0, session: 'any', create });
      return { gateway, client };
    };
    const startAll = () => Promise.all(Array.from({ length: nodes }, start));
    let all = await startAll();
    const pinnedAt = new Map<string, string[]>();
    const pinned = new Set<string>();
    const turns: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const roll = random();
      const { client } = pick(all);
      if (roll < 0.06 && turns.length > 0) {
        const turn = pick(turns);
        const isPinned = pinned.size < 3 && !pinned.has(turn);
        await pin(client, turn, isPinned);
        if (isPinned) pinned.add(turn);
        else pinned.delete(turn);
      } else if (roll < 0.12 && turns.length > 0) {
        const turn = pick(turns.slice(-5));
        const delta = client.all('delta').find((event) => event.turn === turn);
        if (delta === undefined) continue;
        client.send({
          t: 'cancel',
          ref: round + 10,
          s: 0,
          turn,
          heard: delta.pos + Math.floor(random() * delta.text.length),
        });
        await client.next('cancelling', (told) => told.ref === round + 10);
      } else if (roll < 0.18) {
        const policy = pick(['sliding', 'summary', 'summary', 'none'] as const);
        const window = { policy, maxTokens: pick([300, 300, 500, 900]) };
        client.send({
          t: 'update',
          ref: round + 10,
          s: 0,
          settings: { window, system: pick(['S', 'T '.repeat(20), null]) },
        });
        await client.next('updated', (told) => told.ref === round + 10);
        failing = random() < 0.2;
      } else if (roll < 0.21) {
        for (const { gateway } of all) await gateway.close();
        all = await startAll();
      } else {
        const id = newTurnId();
        turns.push(id);
        pinnedAt.set(id, [...pinned]);
        client.send({ t: 'turn', s: 0, id, input: `question ${round}` });
        await finish(client, id);
        for (const other of all) await until(() => other.client.all('turn.ended').some((ended) => ended.turn === id));
      }
    }
    for (const { client } of all) {
      expect(turns.length).toBeGreaterThan(20);
      const first = firstCalls(calls);
      const routed = new Map(client.all('turn.routed').map((event) => [event.turn, event.window]));
      for (const turn of turns) {
        const call = first.get(turn);
        const window = await askWindow(client, turn);
        expect(window.sent).toBe(call !== undefined);
        if (call === undefined) continue;
        expect(withoutTurns(window.messages)).toEqual(shown(call.request.messages));
        expect(window.report).toEqual(routed.get(turn));
        expect(window.report!.tokens).toBeLessThanOrEqual(window.report!.maxTokens);
        checkPairs(call.request.messages);
        if (window.report!.policy === 'none') expect(window.report!.dropped).toBe(0);
        const missing = pinnedAt
          .get(turn)!
          .filter((known) => first.has(known) && !window.messages.some((m) => m.turn === known));
        expect(missing).toEqual([]);
        // whole turns, in the order of the log, each once
        const order = [...new Set(window.messages.flatMap((message) => message.turn ?? []))];
        expect(order).toEqual(turns.filter((known) => order.includes(known)));
        const runs = window.messages.filter((message, i) => message.turn !== window.messages[i - 1]?.turn);
        expect(runs.filter((message) => message.turn !== undefined)).toHaveLength(order.length);
      }
    }
  },
);
