import { expect, onTestFinished, test } from 'vitest';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import type { UnplacedEvent } from '../../src/session/log-event.ts';
import { lengthOf, type LogEvent } from '../../src/session/log-event.ts';
import type { SharedStore, TurnRecord } from '../../src/store/contract.ts';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { checkContiguous } from '../support/assembled-text.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { answerWith, createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { testModel } from '../support/test-model.ts';

type Frame = Omit<TurnFrame, 't' | 's' | 'ref' | 'id'>;

/** What a process leaves that dies while it runs the first of these turns, which said `events`. */
async function leave(frames: readonly Frame[], events: readonly UnplacedEvent[]) {
  const data = temporaryDirectory();
  const store = openEmbeddedStore({ directory: data });
  const key = { tenant: 'default', session: 'left' };
  await store.createSession(key, {}, 'epoch', 1);
  const turns: string[] = [];
  let head = 1;
  const place = (event: UnplacedEvent): LogEvent => {
    const placed = { ...event, turn: turns[0], pos: head } as LogEvent;
    head += lengthOf(event);
    return placed;
  };
  for (const frame of frames) {
    const turn = newTurnId();
    turns.push(turn);
    const record: TurnRecord = {
      turn,
      fingerprint: 'f',
      frame: { id: turn, ...frame },
      who: { subject: 'tester' },
      acceptedAt: 1,
      node: 'dead',
    };
    const { onBusy = 'reject' } = frame;
    await store.claim({ ...key, record, onBusy, maxQueuedTurns: 9 });
    if (turns.length === 1) await store.append([{ ...key, events: events.map(place) }]);
  }
  await store.close();
  return { data, turns };
}

const window = { turns: 0, tokens: 10, dropped: 0, maxTokens: 32_768 };
const routed = { t: 'turn.routed', turn: '', upstream: 'scripted', model: 'gpt-4o', window } as const;
const said = { t: 'delta', turn: '', text: 'Let me look that up', tokens: 5 } as const;
const called = { t: 'tool.call', turn: '', call: 'c1', name: 'f', arguments: '{"a":1}' } as const;

interface TakeOver {
  name?: string;
  answer?: (call: ScriptedCall) => void;
  limits?: GatewayOptions['limits'];
  acceptsPrefix?: boolean;
  catalogue?: GatewayOptions['catalogue'];
}

async function takeOver(frames: readonly Frame[], events: readonly UnplacedEvent[], options: TakeOver = {}) {
  const { data, turns } = await leave(frames, events);
  const upstream = createScriptedUpstream(options.answer ?? answerWith(['all ', 'good']), options.name);
  const { limits, acceptsPrefix, catalogue } = options;
  Object.assign(upstream, { acceptsPrefix });
  const gateway = await startTestGateway({ data, onCrash: 'continue', upstreamObjects: [upstream], limits, catalogue });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, session: 'left' });
  const ended = async (turn: string) => {
    const known = client.all('turn.ended').find((end) => end.turn === turn);
    return known ?? client.next('turn.ended', (end) => end.turn === turn);
  };
  return { client, upstream, turns, ended };
}

test('a turn that was being replaced when its node died ends with what it said, its calls closed', async () => {
  const frames: Frame[] = [
    { input: 'look', tools: [{ name: 'f' }] },
    { input: 'no, this', onBusy: 'replace' },
  ];
  const { client, upstream, turns, ended } = await takeOver(frames, [routed, said, called]);
  const [first, second] = turns as [string, string];
  const end = await ended(first);
  expect(end).toMatchObject({ status: 'superseded', reason: second });
  expect(end.usage.output).toBeGreaterThanOrEqual(5);
  expect(end.usage.input).toBeGreaterThan(0);
  expect(client.all('tool.result')).toMatchObject([{ turn: first, call: 'c1' }]);
  expect(await ended(second)).toMatchObject({ status: 'completed' });
  // a provider refuses a call that has no result
  const { messages } = upstream.calls[0]!.request;
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user']);
  checkContiguous(client.frames, 0, 0);
});

test('a turn whose upstream is not configured any more ends as interrupted, with what it said', async () => {
  const { client, turns, ended } = await takeOver([{ input: 'look' }], [routed, said, called], { name: 'another' });
  const [turn] = turns as [string];
  const end = await ended(turn);
  expect(end).toMatchObject({ status: 'interrupted', reason: 'node_lost' });
  expect(end.usage.output).toBeGreaterThanOrEqual(5);
  expect(client.all('tool.result')).toMatchObject([{ turn, call: 'c1' }]);
  checkContiguous(client.frames, 0, 0);
});

test('rounds of tools that a dead node had made count', async () => {
  const again = { ...called, call: 'c2' };
  const results = [called, again].map(({ call }) => ({ t: 'tool.result', turn: '', call, output: 'x' }) as const);
  const { client, upstream, turns, ended } = await takeOver(
    [{ input: 'look', tools: [{ name: 'f' }] }],
    [routed, said, called, results[0]!, again, results[1]!],
    {
      limits: { maxToolRounds: 2 },
      answer({ sink }) {
        sink.onToolCall({ id: 'c3', name: 'f', arguments: '{}' });
        sink.onEnd('tool_calls', 'tool_calls');
      },
    },
  );
  expect(await ended(turns[0]!)).toMatchObject({ status: 'limited', reason: 'tool_rounds' });
  expect(upstream.calls).toHaveLength(1);
  expect(client.all('tool.call').map(({ call }) => call)).toEqual(['c1', 'c2']);
});

test('what is sent to a node that has left the turn to another is refused, not ignored', async () => {
  const redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  const other = await openRedisStore({ url: redis.url, prefix: 'p', node: 'other' });
  onTestFinished(() => other.close());
  const inner = await openRedisStore({ url: redis.url, prefix: 'p', node: 'leaving' });
  let isLeaving = (): void => {};
  let leave = (): void => {};
  const leaving = new Promise<void>((resolve) => (isLeaving = resolve));
  const mayLeave = new Promise<void>((resolve) => (leave = resolve));
  const store: SharedStore = {
    ...inner,
    async leaveNodes() {
      isLeaving();
      await mayLeave;
      await inner.leaveNodes();
    },
  };
  const upstream = createScriptedUpstream();
  const gateway = await startTestGateway({ store, onCrash: 'continue', upstreamObjects: [upstream] });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, session: 'one', create: {} });
  const turn = newTurnId();
  client.send({ t: 'turn', s: 0, id: turn, input: 'look', tools: [{ name: 'f' }] });
  const { sink } = await upstream.nextCall();
  sink.onToolCall({ id: 'c1', name: 'f', arguments: '{}' });
  sink.onEnd('tool_calls', 'tool_calls');
  await client.next('tool.call');
  const drained = gateway.drain(0);
  await leaving;
  client.send({ t: 'tool.result', ref: 2, s: 0, turn, call: 'c1', output: 'x' });
  client.send({ t: 'cancel', ref: 3, s: 0, turn });
  expect(await client.next('error', ({ ref }) => ref === 2)).toMatchObject({ code: 'draining' });
  expect(await client.next('error', ({ ref }) => ref === 3)).toMatchObject({ code: 'draining' });
  leave();
  await drained;
  expect(client.all('turn.ended')).toEqual([]);
});

test('the limit of a call counts what was said of it, not what was said before tools', async () => {
  const result = { t: 'tool.result', turn: '', call: 'c1', output: 'x' } as const;
  const { upstream, turns, ended } = await takeOver(
    [{ input: 'look', tools: [{ name: 'f' }], params: { maxOutputTokens: 100 } }],
    [routed, said, called, result, { ...said, tokens: 16 }],
    { acceptsPrefix: true },
  );
  expect(await ended(turns[0]!)).toMatchObject({ status: 'completed' });
  expect(upstream.calls[0]!.request).toMatchObject({ continuesAnswer: true, params: { maxOutputTokens: 95 } });
});

test('an answer that is gone on with is cut at the turn’s own budget', async () => {
  const maxCostUsd = 200e-6;
  const { turns, ended } = await takeOver([{ input: 'look', limits: { maxCostUsd } }], [routed, said], {
    acceptsPrefix: true,
    answer: answerWith(Array.from({ length: 400 }, () => ' word')),
    catalogue: { models: [testModel('gpt-4o', { input: 1, output: 2 })] },
  });
  const end = await ended(turns[0]!);
  expect(end).toMatchObject({ status: 'limited', reason: 'budget_exceeded', limit: { name: 'maxCostUsd' } });
  expect(end.costUsd).toBeLessThanOrEqual(maxCostUsd);
  expect(end.costUsd).toBeGreaterThan(maxCostUsd - 3e-6);
});

test('nodes that go away together leave their turns to nobody', async () => {
  const redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  const upstream = createScriptedUpstream();
  const options = { store: redis.url, onCrash: 'continue', upstreamObjects: [upstream] } as const;
  const gateways = [await startTestGateway(options), await startTestGateway(options)];
  const clients = await Promise.all(gateways.map(({ url }) => RawClient.connect(url)));
  for (const [i, client] of clients.entries()) {
    await client.attach({ ref: 1, s: 0, session: `s${i}`, create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'x' });
    (await upstream.nextCall()).sink.onText('well');
    await client.next('delta');
  }
  const ended = clients.map((client) => client.next('turn.ended'));
  await Promise.all(gateways.map((gateway) => gateway.drain(200)));
  for (const end of await Promise.all(ended)) expect(end).toMatchObject({ status: 'interrupted', reason: 'shutdown' });
});
