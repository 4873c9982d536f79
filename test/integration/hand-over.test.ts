import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkContiguous, textOf, transcript } from '../support/assembled-text.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { newTurnId, temporaryDirectory } from '../support/test-gateway.ts';
import type { PlanSource } from '../support/upstream-double/plan.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../support/upstream-double/token-text.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

let count = 0;
const tokens = 400;
const slow = { kind: 'stream', seed: 5, tokens, intervalMs: 3 } as const;

async function startTwo(plan: PlanSource, settings: Record<string, unknown> = {}) {
  const double = await startUpstreamDouble({ plan });
  const upstream = {
    name: 'double',
    wire: 'openai-chat',
    baseUrl: double.url,
    defaultModel: 'gpt-4o',
    assistantPrefix: 'trailing',
    onCrash: 'continue',
    ...settings,
  };
  const config = {
    store: redis.url,
    redisPrefix: `h${process.pid}_${count++}`,
    leaseMs: 1_000,
    drainMs: 300,
    upstreams: [upstream],
  } as Parameters<typeof startGatewayProcess>[0];
  const [a, b] = [await startGatewayProcess(config), await startGatewayProcess(config)];
  return { double, a, b, onA: await RawClient.connect(a.url), onB: await RawClient.connect(b.url) };
}

async function endOf(client: RawClient, turn: string) {
  const known = client.all('turn.ended').find((end) => end.turn === turn);
  return known ?? client.next('turn.ended', (end) => end.turn === turn);
}

/** A client of the node that is gone, on the other one: it resumes at its cursor and waits for the end. */
async function goOn(url: string, from: RawClient, s: number, session: string, turn: string) {
  const cursor = checkContiguous(from.frames, s, 0);
  const { epoch } = from.all('attached').find((attached) => attached.s === s)!;
  const client = await RawClient.connect(url);
  const attached = await client.attach({ ref: 1, s, session, epoch, after: cursor });
  expect(attached).toMatchObject({ outcome: 'resumed', from: cursor });
  const ended = await endOf(client, turn);
  checkContiguous(client.frames, s, cursor);
  return { ended, frames: [...from.frames, ...client.frames], client };
}

describe.each(['SIGKILL', 'SIGTERM'] as const)('onCrash: continue, after %s in mid-stream', (signal) => {
  test('another node goes on with the answer, and nobody sees a seam', async () => {
    const { double, a, b, onA, onB } = await startTwo(slow);
    const turns: string[] = [];
    for (let s = 0; s < 8; s++) {
      await onA.attach({ ref: s, s, session: `goes-on-${s}`, create: {} });
      if (s % 2 === 0) await onB.attach({ ref: s, s, session: `goes-on-${s}` });
      turns.push(newTurnId());
      onA.send({ t: 'turn', s, id: turns[s]!, input: 'go' });
    }
    const waiting = newTurnId();
    onA.send({ t: 'turn', s: 0, id: waiting, input: 'then', onBusy: 'queue' });
    for (let s = 0; s < 8; s++) await onA.next('delta', (delta) => delta.s === s && delta.tokens > 20);
    a.kill(signal);
    await onA.closed;
    for (let s = 0; s < 8; s++) {
      const { ended, frames } = await goOn(b.url, onA, s, `goes-on-${s}`, turns[s]!);
      expect(ended).toMatchObject({ status: 'completed' });
      expect(textOf(frames, turns[s]!)).toBe(answerText(5, turns[s]!, tokens));
      if (s % 2 !== 0) continue;
      await endOf(onB, turns[s]!);
      checkContiguous(onB.frames, s, 0);
      expect(textOf(onB.frames, turns[s]!)).toBe(answerText(5, turns[s]!, tokens));
    }
    // the one that waited has its turn too
    const { ended, frames } = await goOn(b.url, onA, 0, 'goes-on-0', waiting);
    expect(ended).toMatchObject({ status: 'completed' });
    expect(textOf(frames, waiting)).toBe(answerText(5, waiting, tokens));
    // two calls for each, the second behind what the first had shown
    for (const turn of turns) {
      const calls = double.requests.filter((request) => request.headers['x-client-request-id'] === turn);
      expect(calls).toHaveLength(2);
      const prefix = calls[1]!.body.messages!.at(-1)!;
      expect(prefix.role).toBe('assistant');
      expect(answerText(5, turn, tokens).startsWith(prefix.content as string)).toBe(true);
    }
    if (signal === 'SIGTERM') expect(await a.exited).toEqual({ code: 0, signal: null });
    // and the store tells the same
    const whole = await RawClient.connect(b.url);
    await whole.attach({ ref: 1, s: 0, session: 'goes-on-0' });
    expect(transcript(whole.frames, 0)).toEqual(transcript(onB.frames, 0));
    await double.close();
  });

  test('a turn that waits for a tool waits on another node', async () => {
    const call = { id: 'c1', name: 'f', arguments: '{"a":1}' };
    const { double, a, b, onA } = await startTwo((_request, index) =>
      index === 0 ? { kind: 'stream', tokens: 5, toolCalls: [call] } : { kind: 'stream', seed: 5, tokens: 30 },
    );
    await onA.attach({ ref: 1, s: 0, session: 'tool', create: {} });
    const turn = newTurnId();
    onA.send({ t: 'turn', s: 0, id: turn, input: 'use it', tools: [{ name: 'f' }] });
    await onA.next('tool.call');
    a.kill(signal);
    await onA.closed;
    const cursor = checkContiguous(onA.frames, 0, 0);
    const onB = await RawClient.connect(b.url);
    await onB.attach({ ref: 1, s: 0, session: 'tool', after: cursor });
    // until the other node has taken over, the answer is to try again
    for (let ref = 2; !onB.all('tool.result').some((result) => result.call === 'c1'); ref++) {
      onB.send({ t: 'tool.result', ref, s: 0, turn, call: 'c1', output: 'from outside' });
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const error of onB.all('error')) expect(error).toMatchObject({ code: 'store_unavailable' });
    }
    await endOf(onB, turn);
    expect(onB.all('turn.ended')).toMatchObject([{ turn, status: 'completed' }]);
    checkContiguous(onB.frames, 0, cursor);
    expect(double.requests).toHaveLength(2);
    expect(double.requests[1]!.body.messages!.at(-1)).toMatchObject({ role: 'tool', content: 'from outside' });
    await double.close();
  });

  test('before the first token the call is made again; where no prefix is taken, shown text ends the turn', async () => {
    const { double, a, b, onA } = await startTwo(
      (request) =>
        JSON.stringify(request.body.messages).includes('silent') ? { ...slow, firstTokenMs: 60_000 } : slow,
      { assistantPrefix: 'none' },
    );
    const [silent, speaking, behind] = [newTurnId(), newTurnId(), newTurnId()];
    await onA.attach({ ref: 1, s: 0, session: 'silent', create: {} });
    await onA.attach({ ref: 2, s: 1, session: 'speaking', create: {} });
    onA.send({ t: 'turn', s: 0, id: silent, input: 'silent' });
    onA.send({ t: 'turn', s: 1, id: speaking, input: 'speak' });
    onA.send({ t: 'turn', s: 1, id: behind, input: 'then', onBusy: 'queue' });
    await onA.next('delta', (delta) => delta.turn === speaking && delta.tokens > 10);
    double.setPlan(slow);
    a.kill(signal);
    await onA.closed;
    const first = await goOn(b.url, onA, 0, 'silent', silent);
    expect(first.ended).toMatchObject({ status: 'completed' });
    expect(textOf(first.frames, silent)).toBe(answerText(5, silent, tokens));
    const second = await goOn(b.url, onA, 1, 'speaking', speaking);
    expect(second.ended).toMatchObject({ status: 'interrupted', reason: 'node_lost' });
    const text = textOf(second.frames, speaking);
    expect(answerText(5, speaking, tokens).startsWith(text)).toBe(true);
    expect(second.ended.usage.output).toBeGreaterThan(10);
    await endOf(second.client, behind);
    expect(textOf(second.client.frames, behind)).toBe(answerText(5, behind, tokens));
    await double.close();
  });
});

test('one process with the embedded store goes on after kill -9 and a new start', async () => {
  const double = await startUpstreamDouble({ plan: slow });
  const upstream = {
    name: 'double',
    wire: 'openai-chat',
    baseUrl: double.url,
    defaultModel: 'gpt-4o',
    assistantPrefix: 'prefix',
  } as const;
  const config = { data: temporaryDirectory(), onCrash: 'continue', upstreams: [upstream] } as const;
  let gateway = await startGatewayProcess({ ...config, upstreams: [upstream] });
  let client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, session: 'again', create: {} });
  const turn = newTurnId();
  client.send({ t: 'turn', s: 0, id: turn, input: 'go' });
  // twice, so that what was taken over is itself taken over
  for (let round = 1; round <= 2; round++) {
    await client.next('delta', (delta) => delta.tokens > 60 * round);
    gateway.kill('SIGKILL');
    await client.closed;
    gateway = await startGatewayProcess({ ...config, upstreams: [upstream] });
    expect(gateway.log()).toContain('turns that the last process left go on');
    client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, session: 'again' });
  }
  await endOf(client, turn);
  expect(client.all('turn.ended')).toMatchObject([{ turn, status: 'completed', usage: { source: 'counted' } }]);
  expect(textOf(client.frames, turn)).toBe(answerText(5, turn, tokens));
  checkContiguous(client.frames, 0, 0);
  expect(double.requests).toHaveLength(3);
  await double.close();
});
