import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';
import { UpstreamError } from '../../src/upstream/contract.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream, type ScriptedCall, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { askWindow, firstCalls, pin, say, shown, withoutTurns } from '../support/windows.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

let count = 0;
const stores: { name: string; place(): GatewayOptions }[] = [
  { name: 'embedded', place: () => ({ data: temporaryDirectory() }) },
  { name: 'redis', place: () => ({ store: redis.url, redisPrefix: `s${process.pid}_${count++}` }) },
];

const budget = 400;
const settings = { system: 'Be brief.', window: { policy: 'summary', maxTokens: budget } } as const;
const marked = 'Summary of the earlier part of this conversation';

function answer({ request, sink }: ScriptedCall): void {
  const last = request.messages.at(-1)!;
  setImmediate(() => {
    sink.onText(`Answer to ${last.role === 'user' ? (last.content as string) : ''}: one two three four five six.`);
    sink.onEnd('stop', 'stop');
  });
}

/** Numbers of the questions that a request to sum up holds. */
function asked(call: ScriptedCall): number[] {
  const [, request] = call.request.messages;
  const text = request?.role === 'user' ? (request.content as string) : '';
  const lines = text.slice(text.indexOf('Messages that follow:')).matchAll(/^User: question (\d+)$/gm);
  return [...lines].map((match) => Number(match[1]));
}

function summarise(call: ScriptedCall): void {
  const numbers = asked(call);
  setImmediate(() => {
    call.sink.onText(`Up to question ${numbers.at(-1)}.`);
    call.sink.onUsage({ input: 100, output: 7, reasoning: 0, cached: 0 });
    call.sink.onEnd('stop', 'stop');
  });
}

interface Scene {
  client: RawClient;
  chat: ScriptedUpstream;
  notes: ScriptedUpstream;
  gateway: Awaited<ReturnType<typeof startTestGateway>>;
  logged: { level: string; message: string; fields: Record<string, unknown> }[];
}

async function startScene(
  place: GatewayOptions,
  writeNotes?: (call: ScriptedCall) => void,
  more: Partial<NonNullable<GatewayOptions['summary']>> = {},
): Promise<Scene> {
  const chat = createScriptedUpstream(answer, 'chat');
  const notes = createScriptedUpstream(writeNotes, 'notes');
  const logged: Scene['logged'] = [];
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, message, fields: fields as Record<string, unknown> });
  const gateway = await startTestGateway({
    ...place,
    upstreamObjects: [chat, notes],
    summary: { route: 'notes', maxTokens: 60, ...more },
    logger: { ...silentLogger, info: log('info'), warn: log('warn') },
  });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, session: 'long', create: { settings } });
  return { client, chat, notes, gateway, logged };
}

/** Waits for something that happens after a turn, out of its way. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const lastReport = (client: RawClient) => client.all('turn.routed').at(-1)!.window;
const systemOf = (call: ScriptedCall): string => (call.request.messages[0] as { text: string }).text;

async function expectExact(client: RawClient, calls: readonly ScriptedCall[]): Promise<void> {
  for (const [turn, call] of firstCalls(calls)) {
    expect(withoutTurns((await askWindow(client, turn)).messages)).toEqual(shown(call.request.messages));
  }
}

describe.each(stores)('rolling summaries on $name', ({ place }) => {
  test('older turns are folded in, each once and in order, and every window holds summary and the rest', async () => {
    const { client, chat, notes, logged } = await startScene(place(), summarise);
    for (let i = 0; i < 60; i++) {
      await say(client, `question ${i}`);
      await until(() => notes.calls.length === logged.filter(({ message }) => message.includes('was made')).length);
    }
    expect(notes.calls.length).toBeGreaterThan(3);
    expect(notes.calls.length).toBeLessThan(15);
    const folded = notes.calls.flatMap(asked);
    expect(folded).toEqual(folded.map((_number, i) => i));
    // the next summary is made of the one before
    expect(JSON.stringify(notes.calls[1]!.request.messages)).toContain(
      `Up to question ${asked(notes.calls[0]!).at(-1)}.`,
    );
    expect(notes.calls[0]!.request.params.maxOutputTokens).toBe(60);
    for (const [i, call] of chat.calls.entries()) {
      const report = client.all('turn.routed')[i]!.window;
      expect(report).toMatchObject({ policy: 'summary', dropped: 0, maxTokens: budget });
      expect(report.fallback).toBeUndefined();
      expect(report.tokens).toBeLessThanOrEqual(budget);
      // what the summary does not speak of is there whole
      const first = report.summarised ?? 0;
      const questions = call.request.messages.filter((message) => message.role === 'user');
      expect(questions.map((message) => message.content)).toEqual(
        Array.from({ length: i + 1 - first }, (_, k) => `question ${first + k}`),
      );
      expect(systemOf(call).startsWith('Be brief.')).toBe(true);
      if (first > 0) expect(systemOf(call)).toContain(`Up to question ${first - 1}.`);
      else expect(systemOf(call)).not.toContain(marked);
    }
    expect(lastReport(client).summarised).toBeGreaterThan(40);
    expect(logged.find(({ message }) => message.includes('was made'))?.fields).toMatchObject({
      upstream: 'notes',
      usage: { input: 100, output: 7, source: 'provider' },
    });
    await expectExact(client, chat.calls);
  });

  test('survives a restart, and what was sent before can be asked for after it', async () => {
    const options = place();
    const first = await startScene(options, summarise);
    for (let i = 0; i < 30; i++) {
      await say(first.client, `question ${i}`);
      await until(
        () => first.notes.calls.length === first.logged.filter(({ message }) => message.includes('was made')).length,
      );
    }
    const { summarised } = lastReport(first.client);
    await first.gateway.close();
    const second = await startScene(options, summarise);
    await say(second.client, 'question 30');
    expect(lastReport(second.client).summarised).toBeGreaterThanOrEqual(summarised!);
    expect(lastReport(second.client).dropped).toBe(0);
    expect(systemOf(second.chat.calls[0]!)).toContain('Up to question');
    await expectExact(second.client, first.chat.calls);
  });

  test('a slow summary is in nobody’s way: turns slide meanwhile and say so', async () => {
    const { client, chat, notes } = await startScene(place());
    let asks = 0;
    for (; lastOf(client)?.fallback === undefined; asks++) await say(client, `question ${asks}`);
    expect(lastReport(client)).toMatchObject({ policy: 'summary', fallback: 'summary_pending' });
    expect(lastReport(client).dropped).toBeGreaterThan(0);
    // one at a time
    for (let i = 0; i < 3; i++) await say(client, `question ${asks++}`);
    expect(notes.calls).toHaveLength(1);
    expect(lastReport(client).tokens).toBeLessThanOrEqual(budget);
    // the next one is made right behind it, and the one after that
    let answered = 0;
    while (lastReport(client).fallback !== undefined) {
      while (answered < notes.calls.length) summarise(notes.calls[answered++]!);
      await say(client, `question ${asks++}`);
    }
    expect(lastReport(client)).toMatchObject({ dropped: 0 });
    await expectExact(client, chat.calls);
  });

  test('a failed summary is told and logged, turns slide, and the next turn’s end tries again', async () => {
    let fails = true;
    const write = (call: ScriptedCall): void => {
      if (!fails) return summarise(call);
      setImmediate(() =>
        call.sink.onError(new UpstreamError('upstream_rejected', 'The provider refused the request.')),
      );
    };
    const { client, chat, notes, logged } = await startScene(place(), write);
    const failures = () =>
      logged.filter(({ level, message }) => level === 'warn' && message.includes('summary failed'));
    for (let i = 0; i < 25; i++) {
      await say(client, `question ${i}`);
      await until(() => failures().length === notes.calls.length);
    }
    expect(lastReport(client)).toMatchObject({ policy: 'summary', fallback: 'summary_failed' });
    expect(lastReport(client).dropped).toBeGreaterThan(0);
    expect(lastReport(client).tokens).toBeLessThanOrEqual(budget);
    fails = false;
    const before = notes.calls.length;
    await say(client, 'question 25');
    await until(() => notes.calls.length > before);
    for (let i = 26; lastReport(client).fallback !== undefined; i++) await say(client, `question ${i}`);
    // nothing was lost meanwhile
    expect(lastReport(client)).toMatchObject({ dropped: 0 });
    expect(new Set(notes.calls.slice(before).flatMap(asked)).has(0)).toBe(true);
    await expectExact(client, chat.calls);
  });

  test.each([
    ['says nothing', (call: ScriptedCall) => call.sink.onEnd('stop', 'stop')],
    ['is refused', (call: ScriptedCall) => (call.sink.onText('x'), call.sink.onEnd('content_filter', undefined))],
  ])('a summariser that %s has failed', async (_what, act) => {
    const { client, notes } = await startScene(place(), (call) => setImmediate(() => act(call)));
    for (let i = 0; lastOf(client)?.fallback !== 'summary_failed'; i++) await say(client, `question ${i}`);
    expect(notes.calls.length).toBeGreaterThan(0);
  });

  test('one that takes too long is stopped, and one that says too much is cut', async () => {
    const { client, notes } = await startScene(place(), undefined, { timeoutMs: 30 });
    for (let i = 0; lastOf(client)?.fallback !== 'summary_failed'; i++) await say(client, `question ${i}`);
    expect(notes.calls[0]!.signal.aborted).toBe(true);
    const verbose = await startScene(place(), (call) => {
      const speak = (): void => {
        if (call.signal.aborted) return;
        call.sink.onText('on and on it goes ');
        setImmediate(speak);
      };
      setImmediate(speak);
    });
    for (let i = 0; lastOf(verbose.client)?.summarised === undefined; i++) await say(verbose.client, `question ${i}`);
    expect(verbose.notes.calls[0]!.signal.aborted).toBe(true);
    const summary = systemOf(verbose.chat.calls.at(-1)!).split('\n').at(-1)!;
    // five tokens a piece
    expect(summary.length).toBeGreaterThan(100);
    expect(summary.length).toBeLessThanOrEqual(60 * 5);
  });

  test('erasure and shutdown stop it, and nothing of it is left', async () => {
    const options = place();
    const { client, notes, gateway } = await startScene(options);
    for (let i = 0; notes.calls.length === 0; i++) await say(client, `question ${i}`);
    client.send({ t: 'delete', ref: 5, s: 0 });
    await client.next('deleted');
    expect(await notes.calls[0]!.aborted).toBe('summary');
    summarise(notes.calls[0]!);
    await client.attach({ ref: 6, s: 0, session: 'long', create: { settings } });
    await say(client, 'hello');
    expect(lastReport(client).summarised).toBeUndefined();
    for (let i = 0; notes.calls.length === 1; i++) await say(client, `question ${i}`);
    const closing = gateway.drain(1_000);
    expect(await notes.calls[1]!.aborted).toBe('summary');
    await closing;
    expect(notes.calls).toHaveLength(2);
  });

  test('an old session that gets the policy is summed up from its beginning; pinned turns stay as they were', async () => {
    const { client, chat, notes } = await startScene(place(), summarise);
    client.send({ t: 'update', ref: 2, s: 0, settings: { window: { maxTokens: budget } } });
    for (let i = 0; i < 60; i++) await say(client, `question ${i}`);
    await pin(client, client.all('turn.accepted')[2]!.turn, true);
    expect(notes.calls).toEqual([]);
    client.send({ t: 'update', ref: 3, s: 0, settings: { window: { policy: 'summary', maxTokens: budget } } });
    await say(client, 'question 60');
    expect(lastReport(client).fallback).toBe('summary_pending');
    let asks = 61;
    while (lastReport(client).fallback !== undefined) await say(client, `question ${asks++}`);
    const folded = notes.calls.flatMap(asked);
    expect(folded).toEqual(folded.map((_number, i) => i));
    expect(lastReport(client)).toMatchObject({ dropped: 0, pinned: 1 });
    expect(chat.calls.at(-1)!.request.messages[1]).toEqual({ role: 'user', content: 'question 2' });
    // a budget that the summary does not fit
    client.send({ t: 'update', ref: 4, s: 0, settings: { window: { policy: 'summary', maxTokens: 58 } } });
    await say(client, 'short');
    expect(lastReport(client)).toMatchObject({ fallback: 'summary_too_long' });
    await expectExact(client, chat.calls);
  });
});

describe('rolling summaries on two nodes', () => {
  test('each goes on from what the other made', async () => {
    const options = stores[1]!.place();
    const [a, b] = [await startScene(options, summarise), await startScene(options, summarise)];
    for (let i = 0; i < 60; i++) {
      const [client, other] = i % 2 === 0 ? [a.client, b.client] : [b.client, a.client];
      const ended = await say(client, `question ${i}`);
      await other.next('turn.ended', (event) => event.turn === ended.turn);
    }
    const reports = a.client.all('turn.routed').map(({ window }) => window);
    expect(reports.every(({ tokens }) => tokens <= budget)).toBe(true);
    const summarised = reports.map((report) => report.summarised ?? 0);
    expect(summarised).toEqual(summarised.toSorted((x, y) => x - y));
    expect(summarised.at(-1)).toBeGreaterThan(30);
    expect(a.notes.calls.length).toBeGreaterThan(0);
    expect(b.notes.calls.length).toBeGreaterThan(0);
    await expectExact(a.client, [...a.chat.calls, ...b.chat.calls]);
    await expectExact(b.client, [...a.chat.calls, ...b.chat.calls]);
  });
});

function lastOf(client: RawClient) {
  return client.all('turn.routed').at(-1)?.window;
}

test('a summariser that no upstream is refuses to start', async () => {
  const upstreamObjects = [createScriptedUpstream()];
  const start = startTestGateway({ upstreamObjects, summary: { route: 'nowhere' } });
  await expect(start).rejects.toThrow('“summary”');
});
