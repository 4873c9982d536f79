import { describe, expect, test } from 'vitest';
import { createOpenaiChatUpstream } from '../../src/upstream/openai-chat/openai-chat-upstream.ts';
import { checkContiguous } from '../support/assembled-text.ts';
import { matrix } from '../support/matrix.ts';
import { RawClient } from '../support/raw-client.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import type { StreamFault } from '../support/upstream-double/plan.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';

const timeouts = { connectMs: 5_000, firstTokenMs: 60_000, idleMs: 60_000, totalMs: 600_000 };

describe.each(matrix)('cancel over $transport with $encoding', ({ transport, encoding }) => {
  test('while queued: the turn ends without an upstream call', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const [running, waiting] = [newTurnId(), newTurnId()];
    client.send({ t: 'turn', s: 0, id: running, input: 'a' });
    const call = await upstream.nextCall();
    client.send(
      { t: 'turn', s: 0, id: waiting, input: 'b', onBusy: 'queue' },
      { t: 'cancel', ref: 2, s: 0, turn: waiting },
    );
    expect(await client.next('cancelling')).toMatchObject({ ref: 2, turn: waiting, upstream: 'not_started' });
    expect(await client.next('turn.ended')).toMatchObject({
      turn: waiting,
      status: 'cancelled',
      usage: { input: 0, output: 0 },
    });
    call.sink.onText('still here');
    call.sink.onEnd('stop', 'stop');
    expect(await client.next('turn.ended')).toMatchObject({ turn: running, status: 'completed' });
    expect(upstream.calls).toHaveLength(1);
    checkContiguous(client.frames, 0, 0);
  });

  test('before the turn is known: the turn ends cancelled when it arrives', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'cancel', ref: 2, s: 0, turn });
    expect(await client.next('cancelling')).toMatchObject({ turn, upstream: 'not_started' });
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    await client.next('turn.accepted');
    expect(await client.next('turn.ended')).toMatchObject({ turn, status: 'cancelled' });
    expect(upstream.calls).toHaveLength(0);
  });

  test('while a tool call is open: the call is closed, then the turn ends', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a', tools: [{ name: 'f' }] });
    const { sink } = await upstream.nextCall();
    sink.onToolCall({ id: 'c1', name: 'f', arguments: '{}' });
    sink.onToolCall({ id: 'c2', name: 'f', arguments: '{}' });
    sink.onUsage({ input: 10, output: 5, reasoning: 0, cached: 0 });
    sink.onEnd('tool_calls', 'tool_calls');
    await client.next('tool.call', (frame) => frame.call === 'c2');
    client.send({ t: 'tool.result', s: 0, turn, call: 'c1', output: 1 }, { t: 'cancel', ref: 2, s: 0, turn });
    expect(await client.next('tool.result', (frame) => frame.call === 'c2')).toMatchObject({
      error: expect.stringContaining('cancelled'),
    });
    expect(await client.next('turn.ended')).toMatchObject({
      status: 'cancelled',
      usage: { input: 10, output: 5, source: 'provider' },
    });
    expect(client.all('tool.result')).toHaveLength(2);
  });

  test('in mid-stream: no delta follows `cancelling`, later windows hold what was heard', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const call = await upstream.nextCall();
    call.sink.onText('I was saying something long');
    const delta = await client.next('delta');
    client.send({ t: 'cancel', ref: 2, s: 0, turn, reason: 'barge-in', heard: delta.pos + 'I was'.length });
    expect(await call.aborted).toBe('barge-in');
    call.sink.onText(' too late');
    const cancelling = await client.next('cancelling');
    expect(cancelling.upstream).toBe('aborting');
    const ended = await client.next('turn.ended');
    expect(ended).toMatchObject({
      status: 'cancelled',
      reason: 'barge-in',
      heard: delta.pos + 5,
      usage: { output: 5, source: 'counted' },
    });
    const after = client.frames.slice(client.frames.indexOf(cancelling) + 1);
    expect(after.filter((frame) => frame.t === 'delta')).toEqual([]);
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'b' });
    const next = await upstream.nextCall();
    expect(next.request.messages[1]).toEqual({ role: 'assistant', text: 'I was' });
  });

  test('after the end: answered `ended`, and what was heard still counts for later windows', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const { sink } = await upstream.nextCall();
    sink.onText('spoken unspoken');
    sink.onEnd('stop', 'stop');
    const delta = await client.next('delta');
    await client.next('turn.ended');
    client.send({ t: 'cancel', ref: 2, s: 0, turn, heard: delta.pos + 'spoken'.length });
    expect(await client.next('cancelling')).toMatchObject({ upstream: 'ended' });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'b' });
    expect((await upstream.nextCall()).request.messages[1]).toEqual({ role: 'assistant', text: 'spoken' });
    client.send({ t: 'history', ref: 3, s: 0 });
    expect((await client.next('history')).turns[0]).toMatchObject({ text: 'spoken unspoken', heard: delta.pos + 6 });
  });
});

const phases: [string, StreamFault | undefined, number][] = [
  ['before the response head', { kind: 'hangBeforeHead' }, 0],
  ['before the first token', { kind: 'hang', afterTokens: 0 }, 0],
  ['in mid-stream', { kind: 'neverEnds' }, 3],
  ['in a silence after some tokens', { kind: 'hang', afterTokens: 4 }, 4],
];

describe('a cancel closes the connection to the provider', () => {
  test.each(phases)('%s', async (_name, fault, tokens) => {
    const double = await startUpstreamDouble({ plan: { kind: 'stream', intervalMs: 1, fault } });
    const upstream = createOpenaiChatUpstream({
      name: 'double',
      baseUrl: double.url,
      defaultModel: 'gpt-4o',
      timeouts,
    });
    const gateway = await startTestGateway({ upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const request = await double.request(0);
    // a busy gateway sends several in one
    if (tokens > 0) await client.next('delta', (delta) => delta.tokens >= tokens);
    client.send({ t: 'cancel', ref: 2, s: 0, turn });
    expect(await client.next('cancelling')).toMatchObject({ upstream: 'aborting' });
    const ended = await client.next('turn.ended');
    expect(ended).toMatchObject({ status: 'cancelled', usage: { source: 'counted' } });
    expect(ended.usage.input).toBeGreaterThan(0);
    expect(ended.usage.output).toBe(client.all('delta').at(-1)?.tokens ?? 0);
    await request.closed;
    expect(request.closedByClient).toBe(true);
    await double.close();
  });
});
