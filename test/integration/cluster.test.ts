import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UpFrame } from '../../protocol/up.ts';
import { checkContiguous, textOf, transcript } from '../support/assembled-text.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../support/upstream-double/token-text.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

let count = 0;
const newPrefix = (): string => `c${process.pid}_${count++}`;

describe('two nodes on one Redis', () => {
  async function startNodes(answer?: Parameters<typeof createScriptedUpstream>[0]) {
    const upstream = createScriptedUpstream(answer);
    const options = { upstreamObjects: [upstream], store: redis.url, redisPrefix: newPrefix() };
    const [a, b] = [await startTestGateway(options), await startTestGateway(options)];
    return { upstream, a, b, onA: await RawClient.connect(a.url), onB: await RawClient.connect(b.url) };
  }

  test('a turn on A is followed from B, before, during and after', async () => {
    const { upstream, b, onA, onB } = await startNodes();
    await onA.attach({ ref: 1, s: 0, session: 'shared', create: {} });
    await onB.attach({ ref: 1, s: 3, session: 'shared' });
    const turn = newTurnId();
    onA.send({ t: 'turn', s: 0, id: turn, input: 'hello' });
    const call = await upstream.nextCall();
    call.sink.onText('one ');
    await onB.next('delta');
    call.sink.onText('two ');
    const late = await RawClient.connect(b.url);
    await late.attach({ ref: 1, s: 0, session: 'shared' });
    call.sink.onText('three');
    call.sink.onEnd('stop', 'stop');
    for (const [client, alias] of [
      [onA, 0],
      [onB, 3],
      [late, 0],
    ] as const) {
      await client.next('turn.ended');
      checkContiguous(client.frames, alias, 0);
      expect(textOf(client.frames, turn)).toBe('one two three');
    }
    // and the next one runs on B, with A's turn in its window
    onB.send({ t: 'turn', s: 3, id: newTurnId(), input: 'again' });
    const next = await upstream.nextCall();
    expect(next.request.messages.map((message) => message.role)).toEqual(['user', 'assistant', 'user']);
    next.sink.onText('from B');
    next.sink.onEnd('stop', 'stop');
    await onA.next('turn.ended');
    expect(transcript(onA.frames, 0)).toEqual(transcript(onB.frames, 3));
    onA.send({ t: 'turn', s: 0, id: newTurnId(), input: 'third' });
    const third = await upstream.nextCall();
    expect(third.request.messages).toHaveLength(5);
    third.sink.onEnd('stop', 'stop');
    await onB.next('turn.ended');
    checkContiguous(onA.frames, 0, 0);
    checkContiguous(onB.frames, 3, 0);
  });

  test('cancel, tool result, queue, replace and a repeated turn from B reach the turn on A', async () => {
    const { upstream, onA, onB } = await startNodes();
    await onA.attach({ ref: 1, s: 0, session: 'work', create: {} });
    await onB.attach({ ref: 1, s: 0, session: 'work' });
    const first = newTurnId();
    const frame: Extract<UpFrame, { t: 'turn' }> = { t: 'turn', s: 0, id: first, input: 'a', tools: [{ name: 'f' }] };
    onA.send(frame);
    const call = await upstream.nextCall();
    await onB.next('turn.routed');
    onB.send({ ...frame, ref: 2 });
    expect(await onB.next('turn.state', (state) => state.ref === 2)).toMatchObject({ turn: first });
    onB.send({ ...frame, ref: 3, input: 'other' });
    expect(await onB.next('error')).toMatchObject({ ref: 3, code: 'idempotency_conflict' });
    call.sink.onToolCall({ id: 'c', name: 'f', arguments: '{}' });
    call.sink.onEnd('tool_calls', undefined);
    await onB.next('tool.call');
    onB.send({ t: 'tool.result', s: 0, turn: first, call: 'c', output: 'from B' });
    const round = await upstream.nextCall();
    expect(round.request.messages.at(-1)).toMatchObject({ role: 'tool', output: 'from B' });
    const second = newTurnId();
    onB.send({ t: 'turn', s: 0, id: second, input: 'b', onBusy: 'queue' });
    await onA.next('turn.accepted', (accepted) => accepted.turn === second);
    onB.send({ t: 'cancel', ref: 4, s: 0, turn: first });
    expect(await round.aborted).toBe('cancelled');
    expect(await onB.next('cancelling')).toMatchObject({ ref: 4, upstream: 'aborting' });
    expect(await onA.next('turn.ended')).toMatchObject({ turn: first, status: 'cancelled' });
    const queued = await upstream.nextCall();
    expect(queued.request.turn).toBe(second);
    const third = newTurnId();
    onB.send({ t: 'turn', s: 0, id: third, input: 'c', onBusy: 'replace' });
    expect(await onB.next('turn.ended', (end) => end.turn === second)).toMatchObject({
      status: 'superseded',
      reason: third,
    });
    const last = await upstream.nextCall();
    last.sink.onText('done');
    last.sink.onEnd('stop', 'stop');
    await onB.next('turn.ended', (end) => end.turn === third);
    await onA.next('turn.ended', (end) => end.turn === third);
    expect(transcript(onB.frames, 0)).toEqual(transcript(onA.frames, 0));
    expect(upstream.calls).toHaveLength(4);
  });

  test('the same turn sent to both at once runs once', async () => {
    const { upstream, onA, onB } = await startNodes(answerWith(['x']));
    await onA.attach({ ref: 1, s: 0, session: 'twice', create: {} });
    await onB.attach({ ref: 1, s: 0, session: 'twice' });
    for (let i = 0; i < 20; i++) {
      const frame = { t: 'turn', s: 0, id: newTurnId(), input: `n${i}`, ref: i + 10 } as const;
      onA.send(frame);
      onB.send(frame);
      await onA.next('turn.ended', (end) => end.turn === frame.id);
      await onB.next('turn.ended', (end) => end.turn === frame.id);
    }
    expect(upstream.calls).toHaveLength(20);
    expect(onA.all('error')).toEqual([]);
    expect(transcript(onB.frames, 0)).toEqual(transcript(onA.frames, 0));
    checkContiguous(onA.frames, 0, 0);
    checkContiguous(onB.frames, 0, 0);
  });

  test('presence counts the sockets of both nodes, while they come and go', async () => {
    const { b, onA, onB } = await startNodes();
    const seen = (writers: number, viewers: number) =>
      onA.next('presence', (now) => now.writers === writers && now.viewers === viewers);
    await onA.attach({ ref: 1, s: 0, session: 'room', create: {} });
    await seen(1, 0);
    await onB.attach({ ref: 1, s: 0, session: 'room' });
    await seen(2, 0);
    const viewers = [await RawClient.connect(b.url), await RawClient.connect(b.url)];
    await Promise.all(viewers.map((viewer) => viewer.attach({ ref: 1, s: 0, session: 'room', as: 'viewer' })));
    await seen(2, 2);
    await viewers[0]!.close();
    await seen(2, 1);
    await onB.drop();
    await seen(1, 1);
    const late = await RawClient.connect(b.url);
    await late.attach({ ref: 1, s: 7, session: 'room' });
    await late.next('presence', (now) => now.writers === 2 && now.viewers === 1);
    await Promise.all([late.close(), viewers[1]!.close()]);
    await seen(1, 0);
  });

  test('settings and erasure reach the other node', async () => {
    const { onA, onB } = await startNodes(answerWith(['x']));
    await onA.attach({ ref: 1, s: 0, session: 'gone', create: {} });
    await onB.attach({ ref: 1, s: 0, session: 'gone' });
    onA.send({ t: 'update', ref: 2, s: 0, settings: { system: 'S' } });
    expect(await onB.next('updated')).toMatchObject({ settings: { system: 'S' } });
    onB.send({ t: 'delete', ref: 3, s: 0 });
    await onB.next('deleted');
    await onA.next('deleted');
    onA.send({ t: 'attach', ref: 4, s: 0, session: 'gone' });
    expect(await onA.next('error')).toMatchObject({ ref: 4, code: 'session_not_found' });
  });
});

describe('a node that dies', () => {
  test('kill -9 in mid-stream: another node ends its turns, and clients go on there without a gap', async () => {
    const double = await startUpstreamDouble({ plan: { kind: 'stream', seed: 3, tokens: 100_000, intervalMs: 1 } });
    const upstreams = [{ name: 'double', wire: 'openai-chat', baseUrl: double.url, defaultModel: 'gpt-4o' }] as const;
    const config = { store: redis.url, redisPrefix: newPrefix(), leaseMs: 1_000, upstreams: [...upstreams] };
    const [a, b] = [await startGatewayProcess(config), await startGatewayProcess(config)];
    const [onA, onB] = [await RawClient.connect(a.url), await RawClient.connect(b.url)];
    const turns: string[] = [];
    for (let s = 0; s < 10; s++) {
      await onA.attach({ ref: s, s, session: `dies-${s}`, create: {} });
      if (s % 2 === 0) await onB.attach({ ref: s, s, session: `dies-${s}` });
      turns.push(newTurnId());
      onA.send({ t: 'turn', s, id: turns[s]!, input: 'go' });
    }
    for (let s = 0; s < 10; s++) await onA.next('delta', (delta) => delta.s === s && delta.tokens > 20);
    const together = (): number => onB.all('presence').filter((now) => now.writers === 2).length;
    expect(together()).toBe(5);
    a.kill('SIGKILL');
    await onA.closed;
    const after = await RawClient.connect(b.url);
    for (let s = 0; s < 10; s++) {
      const cursor = checkContiguous(onA.frames, s, 0);
      const { epoch } = onA.all('attached').find((attached) => attached.s === s)!;
      const answer = await after.attach({ ref: s, s, session: `dies-${s}`, epoch, after: cursor });
      expect(answer).toMatchObject({ outcome: 'resumed', from: cursor });
      if (!after.all('turn.ended').some((end) => end.s === s)) await after.next('turn.ended', (end) => end.s === s);
      checkContiguous(after.frames, s, cursor);
      const own = [...onA.frames, ...after.frames];
      expect(own.filter((frame) => frame.t === 'turn.ended' && frame.turn === turns[s])).toMatchObject([
        { status: 'interrupted', reason: 'node_lost' },
      ]);
      expect(answerText(3, turns[s]!, 100_000).startsWith(textOf(own, turns[s]!))).toBe(true);
      if (s % 2 === 0) {
        if (!onB.all('turn.ended').some((end) => end.s === s)) await onB.next('turn.ended', (end) => end.s === s);
        checkContiguous(onB.frames, s, 0);
        expect(textOf(onB.frames, turns[s]!)).toBe(textOf(own, turns[s]!));
      }
    }
    // the sockets that went with the dead node are not counted any more
    const ofFirst = () => onB.all('presence').findLast((now) => now.s === 0);
    await after.close();
    while (ofFirst()?.writers !== 1) await onB.next('presence');
    await double.close();
  });

  test('a paused node that wakes up after it was taken over says nothing more, closes its sockets and begins anew', async () => {
    const double = await startUpstreamDouble({ plan: { kind: 'stream', seed: 4, tokens: 100_000, intervalMs: 1 } });
    const upstreams = [{ name: 'double', wire: 'openai-chat', baseUrl: double.url, defaultModel: 'gpt-4o' }] as const;
    const config = { store: redis.url, redisPrefix: newPrefix(), leaseMs: 1_000, upstreams: [...upstreams] };
    const [a, b] = [await startGatewayProcess(config), await startGatewayProcess(config)];
    const onA = await RawClient.connect(a.url);
    const { epoch } = await onA.attach({ ref: 1, s: 0, session: 'paused', create: {} });
    const turn = newTurnId();
    onA.send({ t: 'turn', s: 0, id: turn, input: 'go' });
    await onA.next('delta', (delta) => delta.tokens > 20);
    a.kill('SIGSTOP');
    const onB = await RawClient.connect(b.url);
    await onB.attach({ ref: 1, s: 0, session: 'paused', epoch, after: 0 });
    const ended = await onB.next('turn.ended');
    expect(ended).toMatchObject({ turn, status: 'interrupted' });
    a.kill('SIGCONT');
    expect((await onA.closed).code).toBe(4005);
    // the process goes on as another node, on the same port
    const again = await reconnect(a.url);
    expect(again.all('welcome')[0]!.node).not.toBe(onA.all('welcome')[0]!.node);
    await again.attach({ ref: 1, s: 0, session: 'paused', epoch, after: 0 });
    expect(again.all('attached')[0]).toMatchObject({ outcome: 'resumed', epoch });
    expect(textOf(again.frames, turn)).toBe(textOf(onB.frames, turn));
    // what the paused node's client saw is a prefix of what everybody sees
    expect(textOf(onB.frames, turn).startsWith(textOf(onA.frames, turn))).toBe(true);
    expect(onA.all('turn.ended')).toEqual([]);
    await double.close();
  });
});

/** Connects as soon as the gateway listens again. */
async function reconnect(url: string): Promise<RawClient> {
  for (;;) {
    try {
      return await RawClient.connect(url);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
