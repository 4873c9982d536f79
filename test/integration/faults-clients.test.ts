import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventFrame } from '../../protocol/down.ts';
import type { Attach } from '../../protocol/frames/attach.ts';
import type { Gateway } from '../../src/gateway/create-gateway.ts';
import { checkContiguous, cutEvents, isEvent, transcript } from '../support/assembled-text.ts';
import { checkRun, printVerdict } from '../support/checker.ts';
import { type Fleet, startFleet } from '../support/node-fleet.ts';
import { Observer } from '../support/observer.ts';
import { until } from '../support/persistent-client.ts';
import { printVerdictLine, tally } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

const isLong = process.env.PARLEY_LONG !== undefined;
const seed = Number(process.env.PARLEY_SEED ?? 1);

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

async function commandsOf({ admin }: Fleet): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await admin.info('stats'))![1]);
}

describe('fault 18: many clients come back at once', () => {
  const clients = isLong ? 5_000 : 500;
  const running = clients / 20;
  /** Redis commands for one client: to be missed by the node it was on, and to be served by the next one. */
  const maxCommands = 25;

  test(`${clients} on two nodes, with history and running turns`, { timeout: 300_000 }, async () => {
    const fleet = await startFleet({ redis, seed, nodes: 2, tokens: 40, intervalMs: 0, config: { leaseMs: 3_000 } });
    const names = Array.from({ length: clients }, (_, i) => `s${i}`);
    const turns = new Map<string, string[]>();
    const observers: Observer[] = [];
    for (let at = 0; at < clients; at += 100) {
      const some = names.slice(at, at + 100);
      const begun = await Promise.all(
        some.map((name, i) =>
          Observer.start({ url: fleet.url, sessions: [name], random: fleet.random, rereads: i % 4 === 0 }),
        ),
      );
      for (const [i, name] of some.entries()) {
        turns.set(name, [fleet.newTurnId()]);
        begun[i]!.send(name, { id: turns.get(name)![0]!, input: 'first' });
      }
      await until(() => begun.every((observer, i) => observer.hasEnded(some[i]!, turns.get(some[i]!)![0]!)));
      observers.push(...begun);
    }
    fleet.double.setPlan({ kind: 'stream', seed, tokens: 40, intervalMs: isLong ? 500 : 50 });
    for (const [i, name] of names.slice(0, running).entries()) {
      turns.get(name)!.push(fleet.newTurnId());
      observers[i]!.send(name, { id: turns.get(name)![1]!, input: 'second' });
    }
    await until(() => fleet.double.requests.length === clients + running);
    const before = await commandsOf(fleet);
    const droppedMs = performance.now();
    for (const observer of observers) observer.drop();
    const isBack = (observer: Observer, i: number): boolean => observer.lives.get(names[i]!)!.length === 2;
    await until(() => observers.every(isBack));
    const servedMs = Math.round(performance.now() - droppedMs);
    const commands = Math.round(((await commandsOf(fleet)) - before) / clients);
    const run = { fleet, turns, observers };
    const verdict = await checkRun(run);
    printVerdict('fault 18', run, verdict, { servedMs, commandsPerClient: commands });
    expect(verdict.ends).toEqual({ completed: clients + running });
    expect(observers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(commands).toBeLessThan(maxCommands);
    // nobody was sent away: each came back once
    for (const [i, name] of names.entries()) expect(observers[i]!.lives.get(name)).toHaveLength(2);
  });
});

describe('fault 28: a resume at every position, on the node that ran the session and on another', () => {
  test('gives the same text or snapshot, twice, also after old turns were removed', { timeout: 120_000 }, async () => {
    const upstream = createScriptedUpstream();
    const options = {
      upstreamObjects: [upstream],
      redisPrefix: `p${process.pid}`,
      store: redis.url,
      retention: { maxTurns: 3 },
    };
    const gateways = [await startTestGateway(options), await startTestGateway(options)];
    const client = await RawClient.connect(gateways[0]!.url);
    const { epoch } = await client.attach({ ref: 1, s: 0, session: 'recorded', create: {} });
    await record(client, upstream);
    const events = client.frames.filter(isEvent);
    const head = checkContiguous(events, 0, 0);
    for (const gateway of gateways) {
      const outcomes = await resumeEverywhere(gateway, epoch, events, 0, head);
      // inside a character of two units, and in the future
      expect(outcomes.filter((outcome) => outcome === 'snapshot').length).toBe(surrogatesIn(events) + 2);
    }
    // two more turns: the first two go
    for (const text of ['four', 'five 😀']) await say(client, upstream, text);
    const all = client.frames.filter(isEvent);
    const ends = all.filter((event) => event.t === 'turn.ended').map((event) => event.pos + 1);
    const start = ends[1]!;
    for (const gateway of gateways) {
      const fresh = await RawClient.connect(gateway.url);
      for (let ref = 2; ; ref++) {
        const { from } = await fresh.attach({ ref, s: 0, session: 'recorded' });
        if (from === start) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const outcomes = await resumeEverywhere(gateway, epoch, all, start, ends.at(-1)!);
      expect(outcomes.slice(0, start)).toEqual(Array.from({ length: start }, () => 'snapshot'));
      const left = cutEvents(all, start, ends.at(-1)!);
      expect(outcomes.slice(start).filter((outcome) => outcome === 'snapshot').length).toBe(surrogatesIn(left) + 2);
      printVerdictLine('fault 28', Number(process.env.PARLEY_SEED ?? 1), tally(outcomes));
    }
  });

  /** Three turns that overlap in the queue: reasoning, two tool calls, characters of two units. */
  async function record(client: RawClient, upstream: ScriptedUpstream): Promise<void> {
    const turns = [newTurnId(), newTurnId(), newTurnId()];
    client.send({ t: 'turn', s: 0, id: turns[0]!, input: 'one', tools: [{ name: 'f' }] });
    client.send({ t: 'turn', s: 0, id: turns[1]!, input: 'two', onBusy: 'queue' });
    const first = await upstream.nextCall();
    first.sink.onReasoning('think 🙂 hard');
    for (const piece of ['The ', '😀 smile', ' 中文']) first.sink.onText(piece);
    first.sink.onToolCall({ id: 'a', name: 'f', arguments: '{"x":1}' });
    first.sink.onToolCall({ id: 'b', name: 'f', arguments: '{"x":"😀"}' });
    first.sink.onEnd('tool_calls', 'tool_calls');
    await client.next('tool.call', (call) => call.call === 'b');
    client.send({ t: 'tool.result', s: 0, turn: turns[0]!, call: 'b', error: 'no' });
    client.send({ t: 'tool.result', s: 0, turn: turns[0]!, call: 'a', output: { y: '👩‍👩‍👧' } });
    const second = await upstream.nextCall();
    second.sink.onText('and 👩‍👩‍👧 family');
    second.sink.onEnd('stop', 'stop');
    const third = await upstream.nextCall();
    third.sink.onText('half an ans');
    await client.next('delta', (delta) => delta.turn === turns[1]);
    client.send({ t: 'cancel', s: 0, turn: turns[1]! });
    await client.next('turn.ended', (end) => end.turn === turns[1]);
    await say(client, upstream, 'last 🙂');
  }

  async function say(client: RawClient, upstream: ScriptedUpstream, text: string): Promise<void> {
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'go on' });
    const call = await upstream.nextCall();
    call.sink.onText(text);
    call.sink.onEnd('stop', 'stop');
    await client.next('turn.ended', (end) => end.turn === id);
  }

  function surrogatesIn(events: readonly EventFrame[]): number {
    return events.reduce((sum, event) => {
      if (event.t !== 'delta') return sum;
      return sum + event.text.length - [...event.text].length;
    }, 0);
  }

  /** Resumes at each position up to the end, two of the future among them, twice each; answers what was said by position. */
  async function resumeEverywhere(
    gateway: Gateway,
    epoch: string,
    events: readonly EventFrame[],
    start: number,
    head: number,
  ): Promise<string[]> {
    const whole = transcript(cutEvents(events, start, head), 0);
    const cursors = [...Array.from({ length: head + 1 }, (_, after) => after), head + 1, head + 1_000_000];
    const outcomes: string[] = [];
    for (let at = 0; at < cursors.length; at += 100) {
      const reader = await RawClient.connect(gateway.url);
      const some = cursors.slice(at, at + 100);
      const attach = (after: number, s: number, known: string): Attach => ({
        t: 'attach',
        ref: s,
        s,
        session: 'recorded',
        epoch: known,
        after,
      });
      // another epoch first, on the same alias: it is a snapshot wherever the cursor is
      reader.send(...some.map((after, s) => attach(after, s, 'other')));
      reader.send(...some.map((after, s) => attach(after, s, epoch)));
      reader.send(...some.map((after, s) => attach(after, s, epoch)));
      for (const [s, after] of some.entries()) {
        const own = () => reader.frames.filter((frame) => 's' in frame && frame.s === s);
        const isServed = (): boolean => {
          const frames = own();
          const last = frames.findLastIndex((frame) => frame.t === 'attached');
          const attaches = frames.filter((frame) => frame.t === 'attached').length;
          return attaches === 3 && frames.slice(last).some((frame) => frame.t === 'live');
        };
        await until(isServed);
        const frames = own();
        const begins = frames.flatMap((frame, i) => (frame.t === 'attached' ? [i] : []));
        const answers = reader.all('attached').filter((answer) => answer.s === s);
        expect(answers[0]).toMatchObject({ outcome: 'snapshot', from: start });
        expect(answers[2]).toEqual(answers[1]);
        const { outcome, from } = answers[2]!;
        expect(from).toBe(outcome === 'resumed' ? after : start);
        checkContiguous(frames.slice(begins[1], begins[2]), s, from);
        const replay = frames.slice(begins[2]).filter(isEvent);
        expect(checkContiguous(replay, s, from)).toBe(head);
        // what a client holds before its cursor, and what it is told from there on
        const held = cutEvents(events, start, from);
        expect(transcript([...held, ...replay.map((event) => ({ ...event, s: 0 }))], 0)).toEqual(whole);
        outcomes.push(outcome);
      }
      await reader.close();
    }
    return outcomes;
  }
});
