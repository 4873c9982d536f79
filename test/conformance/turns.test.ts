import { describe, expect, test } from 'vitest';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { matrix } from '../support/matrix.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

describe.each(matrix)('turns over $transport with $encoding', ({ transport, encoding }) => {
  test('a turn streams its answer with a live token count and ends once', async () => {
    const upstream = createScriptedUpstream(answerWith(['Hello', ' world', ', this', ' is Parley.']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const attached = await client.attach({ ref: 1, s: 3, create: {} });
    expect(attached).toMatchObject({ outcome: 'new', from: 0, head: 0 });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 3, id: turn, input: 'Say hello' });
    const ended = await client.next('turn.ended');
    expect(ended).toMatchObject({ turn, status: 'completed', usage: { source: 'counted' } });
    expect(textOf(client.frames, turn)).toBe('Hello world, this is Parley.');
    const counts = client.all('delta').map((delta) => delta.tokens);
    expect(counts).toEqual([1, 2, 4, 8]);
    expect(ended.usage.output).toBe(8);
    checkContiguous(client.frames, 3, 0);
    expect(client.all('turn.accepted')).toHaveLength(1);
    expect(client.all('turn.routed')[0]).toMatchObject({ upstream: 'scripted', model: 'gpt-4o' });
  });

  test('a repeated turn joins or replays, with one upstream call', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, session: 'twice', create: {} });
    const frame = { t: 'turn', s: 0, id: newTurnId(), input: 'once' } as const;
    client.send(frame, { ...frame, ref: 7 });
    const known = await client.next('turn.state', (state) => state.ref === 7);
    expect(['routing', 'waiting']).toContain(known.state);
    const call = await upstream.nextCall();
    call.sink.onText('done');
    call.sink.onEnd('stop', 'stop');
    await client.next('turn.ended');
    client.send({ ...frame, ref: 8 });
    expect(await client.next('turn.state', (state) => state.ref === 8)).toMatchObject({
      state: 'ended',
      status: 'completed',
    });
    client.send({ ...frame, ref: 9, input: 'other' });
    expect(await client.next('error')).toMatchObject({ ref: 9, code: 'idempotency_conflict', turn: frame.id });
    expect(upstream.calls).toHaveLength(1);
  });

  test('onBusy rejects, queues or replaces', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const [first, second, third, fourth] = [newTurnId(), newTurnId(), newTurnId(), newTurnId()];
    client.send({ t: 'turn', s: 0, id: first, input: '1' });
    const firstCall = await upstream.nextCall();
    client.send({ t: 'turn', ref: 2, s: 0, id: second, input: '2' });
    expect(await client.next('error')).toMatchObject({ ref: 2, code: 'turn_in_progress', retryable: true });
    client.send({ t: 'turn', s: 0, id: third, input: '3', onBusy: 'queue' });
    expect(await client.next('turn.state', (state) => state.state === 'queued')).toMatchObject({
      turn: third,
      place: 1,
    });
    firstCall.sink.onText('one');
    client.send({ t: 'turn', s: 0, id: fourth, input: '4', onBusy: 'replace' });
    expect(await client.next('turn.ended', (end) => end.turn === third)).toMatchObject({
      status: 'superseded',
      reason: fourth,
    });
    expect(await client.next('turn.ended', (end) => end.turn === first)).toMatchObject({ status: 'superseded' });
    await firstCall.aborted;
    const call = await upstream.nextCall();
    expect(call.request.turn).toBe(fourth);
    call.sink.onText('four');
    call.sink.onEnd('stop', 'stop');
    expect(await client.next('turn.ended', (end) => end.turn === fourth)).toMatchObject({ status: 'completed' });
    expect(upstream.calls).toHaveLength(2);
    checkContiguous(client.frames, 0, 0);
  });

  test('queued turns run in order and see the answers before them', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: { settings: { onBusy: 'queue', system: 'Be brief.' } } });
    const turns = [newTurnId(), newTurnId(), newTurnId()];
    for (const [i, id] of turns.entries()) client.send({ t: 'turn', s: 0, id, input: `question ${i}` });
    for (const [i, id] of turns.entries()) {
      const call = await upstream.nextCall();
      expect(call.request.turn).toBe(id);
      expect(call.request.messages).toHaveLength(2 + 2 * i);
      call.sink.onText(`answer ${i}`);
      call.sink.onEnd('stop', 'stop');
    }
    await client.next('turn.ended', (end) => end.turn === turns[2]);
    expect(upstream.calls[2]!.request.messages).toEqual([
      { role: 'system', text: 'Be brief.' },
      { role: 'user', content: 'question 0' },
      { role: 'assistant', text: 'answer 0' },
      { role: 'user', content: 'question 1' },
      { role: 'assistant', text: 'answer 1' },
      { role: 'user', content: 'question 2' },
    ]);
    checkContiguous(client.frames, 0, 0);
  });

  test('a tool call waits for its result and the turn goes on', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'weather?', tools: [{ name: 'weather' }] });
    const first = await upstream.nextCall();
    first.sink.onToolCallDelta('{"city":"Oslo"}');
    first.sink.onToolCall({ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' });
    first.sink.onEnd('tool_calls', 'tool_calls');
    expect(await client.next('tool.call')).toMatchObject({
      turn,
      call: 'c1',
      name: 'weather',
      arguments: '{"city":"Oslo"}',
    });
    client.send({ t: 'tool.result', s: 0, turn, call: 'c1', output: { degrees: -3 } });
    const second = await upstream.nextCall();
    expect(second.request.messages.slice(1)).toEqual([
      { role: 'assistant', text: '', toolCalls: [{ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' }] },
      { role: 'tool', call: 'c1', name: 'weather', output: '{"degrees":-3}' },
    ]);
    second.sink.onText('Minus three.');
    second.sink.onEnd('stop', 'stop');
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
    client.send({ t: 'tool.result', ref: 5, s: 0, turn, call: 'c1', output: 'late' });
    expect(await client.next('ignored')).toMatchObject({ ref: 5, call: 'c1' });
    checkContiguous(client.frames, 0, 0);
  });

  test('stale base, unknown session, viewer and alias faults are refused by code', async () => {
    const upstream = createScriptedUpstream(answerWith(['ok']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    client.send({ t: 'attach', ref: 1, s: 0, session: 'nowhere' });
    expect(await client.next('error')).toMatchObject({ ref: 1, s: 0, code: 'session_not_found' });
    await client.attach({ ref: 2, s: 0, session: 'here', create: {} });
    client.send({ t: 'attach', ref: 3, s: 0, session: 'elsewhere', create: {} });
    expect(await client.next('error')).toMatchObject({ ref: 3, code: 'alias_in_use' });
    client.send({ t: 'turn', ref: 4, s: 9, id: newTurnId(), input: 'x' });
    expect(await client.next('error')).toMatchObject({ ref: 4, code: 'alias_unknown' });
    client.send({ t: 'turn', ref: 5, s: 0, id: newTurnId(), input: 'x', base: 77 });
    expect(await client.next('error')).toMatchObject({ ref: 5, code: 'stale_base' });
    await client.attach({ ref: 6, s: 1, session: 'here', as: 'viewer' });
    client.send({ t: 'turn', ref: 7, s: 1, id: newTurnId(), input: 'x' });
    expect(await client.next('error')).toMatchObject({ ref: 7, code: 'forbidden' });
    client.send({ t: 'turn', ref: 8, s: 0, id: newTurnId(), input: '   ' });
    expect(await client.next('error')).toMatchObject({ ref: 8, code: 'invalid_frame' });
    client.send({ t: 'turn', ref: 9, s: 0, id: newTurnId(), input: 'x', base: 0 });
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
    expect(upstream.calls).toHaveLength(1);
  });

  test('settings change, history pages, and a delete erases everywhere', async () => {
    const upstream = createScriptedUpstream(answerWith(['reply']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const other = await RawClient.connect(gateway.url, { encoding });
    await client.attach({
      ref: 1,
      s: 0,
      session: 'paged',
      create: { settings: { system: 'a', metadata: { k: 'v' } } },
    });
    await other.attach({ ref: 1, s: 5, session: 'paged' });
    client.send({ t: 'update', ref: 2, s: 0, settings: { system: null, model: 'gpt-4' } });
    expect(await client.next('updated')).toMatchObject({ ref: 2, settings: { model: 'gpt-4', metadata: { k: 'v' } } });
    expect((await other.next('updated')).settings).not.toHaveProperty('system');
    const turns: string[] = [];
    for (let i = 0; i < 5; i++) {
      turns.unshift(newTurnId());
      client.send({ t: 'turn', s: 0, id: turns[0]!, input: `question ${i}` });
      await client.next('turn.ended');
    }
    client.send({ t: 'history', ref: 3, s: 0, limit: 3 });
    const page = await client.next('history');
    expect(page.turns.map((turn) => turn.turn)).toEqual(turns.slice(0, 3));
    expect(page.turns[0]).toMatchObject({ input: 'question 4', text: 'reply', status: 'completed', model: 'gpt-4' });
    client.send({ t: 'history', ref: 4, s: 0, before: page.next!, limit: 3 });
    const rest = await client.next('history', (answer) => answer.ref === 4);
    expect(rest.turns.map((turn) => turn.turn)).toEqual(turns.slice(3));
    expect(rest.next).toBeUndefined();
    client.send({ t: 'delete', ref: 6, s: 0 });
    expect(await client.next('deleted')).toMatchObject({ ref: 6, s: 0 });
    await other.next('deleted');
    client.send({ t: 'attach', ref: 7, s: 0, session: 'paged' });
    expect(await client.next('error')).toMatchObject({ ref: 7, code: 'session_not_found' });
  });
});
