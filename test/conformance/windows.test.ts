import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { askWindow, firstCalls, pin, say, shown, withoutTurns } from '../support/windows.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

let count = 0;

/** Settings of gateways that share one store, one after another. */
const stores: { name: string; place(): GatewayOptions }[] = [
  { name: 'embedded', place: () => ({ data: temporaryDirectory() }) },
  { name: 'redis', place: () => ({ store: redis.url, redisPrefix: `w${process.pid}_${count++}` }) },
];

/** Calls a tool when asked to, and says something of about twenty tokens. */
function answer({ request, sink }: ScriptedCall): void {
  const last = request.messages.at(-1)!;
  setImmediate(() => {
    if (last.role === 'user' && (last.content as string).includes('tool')) {
      sink.onText('Let me see.');
      sink.onToolCall({ id: `c-${request.turn}`, name: 'look', arguments: '{"at":"it"}' });
      sink.onEnd('tool_calls', undefined);
    } else {
      sink.onText(
        `Answer to ${last.role === 'user' ? (last.content as string) : 'the tool'}: one two three four five six.`,
      );
      sink.onEnd('stop', 'stop');
    }
  });
}

/** The window of each turn is what its first call was given. */
async function expectExact(client: RawClient, calls: readonly ScriptedCall[], s = 0): Promise<void> {
  for (const [turn, call] of firstCalls(calls)) {
    const window = await askWindow(client, turn, s);
    expect(window.sent).toBe(true);
    expect(withoutTurns(window.messages)).toEqual(shown(call.request.messages));
    expect(window.messages.at(-1)?.turn).toBe(turn);
  }
}

describe.each(stores)('windows on $name', ({ place }) => {
  test('what was sent can be asked for later, exactly: after heard, other settings, pins and a restart', async () => {
    const options = place();
    const upstream = createScriptedUpstream(answer);
    const gateway = await startTestGateway({ ...options, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url);
    const settings = { system: 'Be brief.', window: { maxTokens: 260 }, tools: [{ name: 'look' }] };
    await client.attach({ ref: 1, s: 0, session: 'exact', create: { settings } });
    const turns: string[] = [];
    const ask = async (input: string): Promise<void> => {
      const id = newTurnId();
      turns.push(id);
      client.send({ t: 'turn', s: 0, id, input });
      if (input.includes('tool')) {
        const call = await client.next('tool.call', (event) => event.turn === id);
        client.send({ t: 'tool.result', s: 0, turn: id, call: call.call, output: { found: id } });
      }
      await client.next('turn.ended', (ended) => ended.turn === id);
    };
    for (let i = 0; i < 30; i++) {
      await ask(i % 4 === 1 ? `tool ${i}` : `question ${i}`);
      if (i === 3) await pin(client, turns[0]!, true);
      if (i === 5) await pin(client, turns[5]!, true);
      if (i === 9) {
        // speech is slower than text: only now it is known what was heard
        const delta = client.all('delta').find((event) => event.turn === turns[8])!;
        client.send({ t: 'cancel', ref: 50, s: 0, turn: turns[8]!, heard: delta.pos + 9 });
        await client.next('cancelling', (told) => told.ref === 50);
      }
      if (i === 12) client.send({ t: 'update', ref: 51, s: 0, settings: { system: 'Be longer. '.repeat(5) } });
      if (i === 20) await pin(client, turns[5]!, false);
    }
    const reports = client.all('turn.routed').map((routed) => routed.window);
    expect(reports.at(-1)).toMatchObject({ policy: 'sliding', pinned: 1 });
    expect(reports.every((report) => report.tokens <= 260)).toBe(true);
    expect(reports.at(-1)!.dropped).toBeGreaterThan(10);
    // the pinned one is there long after its neighbours have gone, in the order of the log
    const last = upstream.calls.at(-1)!.request.messages;
    expect(last[1]).toEqual({ role: 'user', content: 'question 0' });
    expect(last[3]).not.toMatchObject({ content: 'tool 1' });
    expect(JSON.stringify(upstream.calls.at(-1)!.request.messages)).not.toContain('question 5');
    await expectExact(client, upstream.calls);
    const viewer = await RawClient.connect(gateway.url, { encoding: 'json' });
    await viewer.attach({ ref: 1, s: 7, session: 'exact', as: 'viewer' });
    await expectExact(viewer, upstream.calls, 7);
    await gateway.close();

    const again = createScriptedUpstream(answer);
    const restarted = await startTestGateway({ ...options, upstreamObjects: [again] });
    const back = await RawClient.connect(restarted.url);
    expect(await back.attach({ ref: 1, s: 0, session: 'exact' })).toMatchObject({ pinned: [turns[0]] });
    await expectExact(back, upstream.calls);
    // a node that knows nothing goes on where the one before began
    const before = upstream.calls.at(-1)!.request.messages;
    await say(back, 'after the restart');
    const after = again.calls[0]!.request.messages;
    const isJump = back.all('turn.routed').at(-1)!.window.dropped > reports.at(-1)!.dropped;
    if (!isJump) expect(after.slice(0, before.length)).toEqual(before);
    expect(after[1]).toEqual({ role: 'user', content: 'question 0' });
  });

  test('a running turn has its window, one that reached no upstream has none, an unknown one is refused', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ ...place(), upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, session: 'states', create: {} });
    const [running, waiting] = [newTurnId(), newTurnId()];
    client.send({ t: 'turn', s: 0, id: running, input: 'runs' });
    const call = await upstream.nextCall();
    client.send({ t: 'turn', s: 0, id: waiting, input: 'waits', onBusy: 'queue' });
    await client.next('turn.state', (state) => state.state === 'queued');
    expect(await askWindow(client, running)).toMatchObject({
      sent: true,
      messages: [{ role: 'user', text: 'runs', turn: running }],
      upstream: 'scripted',
      model: 'gpt-4o',
      report: { turns: 0, dropped: 0 },
    });
    expect(await askWindow(client, waiting)).toMatchObject({ sent: false, messages: [] });
    client.send({ t: 'cancel', s: 0, turn: waiting });
    await client.next('turn.ended');
    expect(await askWindow(client, waiting)).toMatchObject({ sent: false, messages: [] });
    client.send({ t: 'window', ref: 9, s: 0, turn: newTurnId() });
    expect(await client.next('error')).toMatchObject({ ref: 9, code: 'turn_not_found' });
    call.sink.onEnd('stop', 'stop');
    await client.next('turn.ended');
  });

  test('a large window comes in pages', async () => {
    const upstream = createScriptedUpstream(answer);
    const limits = { maxHistoryBytes: 600 };
    const gateway = await startTestGateway({ ...place(), upstreamObjects: [upstream], limits });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, session: 'pages', create: {} });
    for (let i = 0; i < 12; i++) await say(client, `question ${i}`);
    client.send({ t: 'window', ref: 9, s: 0, turn: upstream.calls.at(-1)!.request.turn });
    const first = await client.next('window');
    expect(first.next).toBe(first.messages.length);
    expect(JSON.stringify(first.messages).length).toBeLessThan(1_200);
    await expectExact(client, upstream.calls);
  });

  test('pins: told to everybody, shown by the history, refused beyond their number and when they do not fit', async () => {
    const upstream = createScriptedUpstream(answer);
    const gateway = await startTestGateway({ ...place(), upstreamObjects: [upstream] });
    const [client, other] = [await RawClient.connect(gateway.url), await RawClient.connect(gateway.url)];
    await client.attach({ ref: 1, s: 0, session: 'pins', create: {} });
    await other.attach({ ref: 1, s: 4, session: 'pins', as: 'viewer' });
    for (let i = 0; i < 65; i++) await say(client, `question ${i}`);
    const turns = client.all('turn.accepted').map((accepted) => accepted.turn);
    await pin(client, turns[3]!, true);
    expect(await other.next('pinned')).toEqual({ t: 'pinned', s: 4, turn: turns[3], pinned: true });
    other.send({ t: 'pin', ref: 5, s: 4, turn: turns[3]!, pinned: false });
    expect(await other.next('error')).toMatchObject({ ref: 5, code: 'forbidden' });
    client.send({ t: 'pin', ref: 6, s: 0, turn: newTurnId(), pinned: true });
    expect(await client.next('error')).toMatchObject({ ref: 6, code: 'turn_not_found' });
    client.send({ t: 'history', ref: 7, s: 0, limit: 100 });
    const { turns: shownTurns } = await client.next('history');
    expect(shownTurns.filter((turn) => turn.pinned).map((turn) => turn.turn)).toEqual([turns[3]]);
    for (const turn of turns.slice(0, 64)) await pin(client, turn, true);
    client.send({ t: 'pin', ref: 8, s: 0, turn: turns[64]!, pinned: true });
    expect(await client.next('error')).toMatchObject({ ref: 8, code: 'rate_limited', message: /64/ });
    client.send({ t: 'update', ref: 9, s: 0, settings: { window: { maxTokens: 400 } } });
    expect(await say(client, 'too much')).toMatchObject({
      status: 'failed',
      reason: 'context_too_long',
      message: expect.stringContaining('pinned'),
    });
    for (const turn of turns.slice(1, 64)) await pin(client, turn, false);
    expect(await say(client, 'enough')).toMatchObject({ status: 'completed' });
    expect(upstream.calls.at(-1)!.request.messages[0]).toEqual({ role: 'user', content: 'question 0' });
  });

  test('policy none sends everything, and fails what does not fit', async () => {
    const upstream = createScriptedUpstream(answer);
    const gateway = await startTestGateway({ ...place(), upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url);
    const settings = { window: { policy: 'none', maxTokens: 200 } } as const;
    await client.attach({ ref: 1, s: 0, session: 'none', create: { settings } });
    let ended = await say(client, 'question 0');
    let sent = 1;
    for (; ended.status === 'completed'; sent++) ended = await say(client, `question ${sent}`);
    expect(ended).toMatchObject({
      status: 'failed',
      reason: 'context_too_long',
      message: expect.stringContaining('none'),
    });
    expect(upstream.calls).toHaveLength(sent - 1);
    for (const [i, call] of upstream.calls.entries()) expect(call.request.messages).toHaveLength(2 * i + 1);
    client.send({ t: 'update', ref: 2, s: 0, settings: { window: { policy: 'sliding', maxTokens: 150 } } });
    expect(await say(client, 'again')).toMatchObject({ status: 'completed' });
    expect(client.all('turn.routed').at(-1)!.window.dropped).toBeGreaterThan(0);
    await expectExact(client, upstream.calls);
  });
});

describe('windows on two nodes', () => {
  async function startNodes() {
    const upstream = createScriptedUpstream();
    const options = { ...stores[1]!.place(), upstreamObjects: [upstream] };
    const [a, b] = [await startTestGateway(options), await startTestGateway(options)];
    const [onA, onB] = [await RawClient.connect(a.url), await RawClient.connect(b.url)];
    await onA.attach({ ref: 1, s: 0, session: 'shared', create: { settings: { window: { maxTokens: 120 } } } });
    await onB.attach({ ref: 1, s: 0, session: 'shared' });
    const ask = async (client: RawClient, input: string) => {
      const id = newTurnId();
      client.send({ t: 'turn', s: 0, id, input });
      const call = await upstream.nextCall();
      const end = async (text: string): Promise<void> => {
        call.sink.onText(text);
        call.sink.onEnd('stop', 'stop');
        for (const each of [onA, onB]) await each.next('turn.ended', (ended) => ended.turn === id);
      };
      return { id, call, end };
    };
    return { upstream, onA, onB, ask };
  }

  test('a pin and what was heard, told to one node, count on the other, and both know every window', async () => {
    const { upstream, onA, onB, ask } = await startNodes();
    const first = await ask(onA, 'remember me');
    await pin(onB, first.id, true);
    expect(await onA.next('pinned')).toMatchObject({ turn: first.id, pinned: true });
    await first.end('I will');
    for (let i = 0; i < 20; i++) await (await ask(i % 3 === 0 ? onB : onA, `question ${i}`)).end('one two three four');
    expect(upstream.calls.at(-1)!.request.messages[0]).toEqual({ role: 'user', content: 'remember me' });
    const spoken = await ask(onA, 'speak');
    await spoken.end('a long answer that is not heard');
    const { pos } = onB.all('delta').find((delta) => delta.turn === spoken.id)!;
    onB.send({ t: 'cancel', ref: 5, s: 0, turn: spoken.id, heard: pos + 6 });
    await onB.next('cancelling');
    await pin(onB, first.id, false);
    await onA.next('pinned', (told) => !told.pinned);
    const last = await ask(onA, 'and now');
    expect(last.call.request.messages.at(-2)).toEqual({ role: 'assistant', text: 'a long' });
    expect(last.call.request.messages[0]).not.toEqual({ role: 'user', content: 'remember me' });
    // while it runs on A, and before B need have heard of it
    expect(withoutTurns((await askWindow(onB, last.id)).messages)).toEqual(shown(last.call.request.messages));
    await last.end('done');
    await expectExact(onA, upstream.calls);
    await expectExact(onB, upstream.calls);
  });

  test('pins, settings and what was heard count on the other node even if no message gets there', async () => {
    const prefix = `m${process.pid}`;
    const upstream = createScriptedUpstream(answer);
    const openNode = async (node: string) => {
      const store = await openRedisStore({ url: redis.url, prefix, node });
      const silent = { ...store, tell: () => {}, listen: async () => {} };
      const gateway = await startTestGateway({ store: silent, upstreamObjects: [upstream] });
      const client = await RawClient.connect(gateway.url);
      await client.attach({ ref: 1, s: 0, session: 'silent', create: { settings: { window: { maxTokens: 150 } } } });
      return client;
    };
    const [onA, onB] = [await openNode('a'), await openNode('b')];
    const first = await say(onA, 'remember me');
    for (let i = 0; i < 20; i++) await say(onA, `question ${i}`);
    const { pos } = onA.all('delta').at(-1)!;
    const last = onA.all('turn.accepted').at(-1)!.turn;
    await pin(onB, first.turn, true);
    onB.send({ t: 'cancel', ref: 5, s: 0, turn: last, heard: pos + 6 });
    await onB.next('cancelling');
    onB.send({ t: 'update', ref: 6, s: 0, settings: { system: 'S' } });
    await onB.next('updated');
    await say(onA, 'and now');
    const sent = upstream.calls.at(-1)!.request.messages;
    expect(sent[0]).toEqual({ role: 'system', text: 'S' });
    expect(sent[1]).toEqual({ role: 'user', content: 'remember me' });
    expect(sent.at(-2)).toEqual({ role: 'assistant', text: 'Answer' });
    expect(onA.all('pinned')).toMatchObject([{ turn: first.turn, pinned: true }]);
    expect(onA.all('updated')).toMatchObject([{ settings: { system: 'S' } }]);
    await expectExact(onA, upstream.calls);
  });

  test('a pin told to a node without the turn reaches one that runs the queue for nobody', async () => {
    const { onA, onB, ask } = await startNodes();
    const first = await ask(onA, 'runs on alone');
    const queued = newTurnId();
    onA.send({ t: 'turn', s: 0, id: queued, input: 'waits', onBusy: 'queue' });
    await onB.next('turn.accepted', (accepted) => accepted.turn === queued);
    await onA.close();
    onB.send({ t: 'update', ref: 3, s: 0, settings: { system: 'S' } });
    await onB.next('updated');
    await pin(onB, first.id, true);
    // the message has to get there
    await new Promise((resolve) => setTimeout(resolve, 200));
    first.call.sink.onEnd('stop', 'stop');
    const routed = await onB.next('turn.routed', (event) => event.turn === queued);
    expect(routed.window).toMatchObject({ pinned: 1 });
    expect((await askWindow(onB, queued)).messages[0]).toEqual({ role: 'system', text: 'S' });
  });
});
