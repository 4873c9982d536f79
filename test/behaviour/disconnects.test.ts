import { describe, expect, test } from 'vitest';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { matrix } from '../support/matrix.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

describe.each(matrix)('disconnects over $transport with $encoding', ({ transport, encoding }) => {
  test('losing the socket does not cancel: the turn goes on and is replayed', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const { epoch } = await client.attach({ ref: 1, s: 0, session: 'kept', create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const call = await upstream.nextCall();
    call.sink.onText('before ');
    await client.next('delta');
    const cursor = checkContiguous(client.frames, 0, 0);
    await client.drop();
    call.sink.onText('between ');
    const again = await RawClient.connect(gateway.url, { encoding });
    await again.attach({ ref: 1, s: 3, session: 'kept', epoch, after: cursor });
    call.sink.onText('after');
    call.sink.onEnd('stop', 'stop');
    expect(await again.next('turn.ended')).toMatchObject({ status: 'completed' });
    expect(textOf(again.frames, turn)).toBe('between after');
    checkContiguous(again.frames, 3, cursor);
    expect(call.signal.aborted).toBe(false);
  });

  test('onDetach ends a turn that nobody follows any more, and an attach in time keeps it', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, session: 'policy', create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a', onDetach: { keepMs: 0 } });
    const call = await upstream.nextCall();
    client.send({ t: 'detach', s: 0 });
    expect(await call.aborted).toBe('detached');
    await client.attach({ ref: 2, s: 0, session: 'policy' });
    expect(await client.next('turn.ended')).toMatchObject({ status: 'cancelled', reason: 'detached' });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'b', onDetach: { keepMs: 60_000 } });
    const kept = await upstream.nextCall();
    await client.drop();
    const again = await RawClient.connect(gateway.url, { encoding });
    await again.attach({ ref: 1, s: 0, session: 'policy' });
    kept.sink.onText('kept');
    kept.sink.onEnd('stop', 'stop');
    expect(await again.next('turn.ended', (end) => end.status === 'completed')).toBeDefined();
  });

  test('several attachments of one session see the same, and presence tells of each other', async () => {
    const upstream = createScriptedUpstream(answerWith(['one', ' two']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const { session } = await client.attach({ ref: 1, s: 0, create: {} });
    const viewer = await RawClient.connect(gateway.url, { encoding });
    await viewer.attach({ ref: 1, s: 7, session, as: 'viewer' });
    expect(await client.next('presence', (presence) => presence.viewers === 1)).toMatchObject({ writers: 1 });
    // the same socket may follow it twice
    await viewer.attach({ ref: 2, s: 8, session });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' });
    for (const s of [7, 8]) {
      await viewer.next('turn.ended', (end) => end.s === s);
      checkContiguous(viewer.frames, s, 0);
    }
    await viewer.drop();
    expect(await client.next('presence', (presence) => presence.viewers === 0 && presence.writers === 1)).toBeDefined();
  });

  test('a drain says goaway, lets the turn finish and closes with 4000', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' });
    const call = await upstream.nextCall();
    const drained = gateway.drain(60_000);
    expect(await client.next('goaway')).toMatchObject({ reason: 'shutdown', deadlineMs: 60_000 });
    client.send({ t: 'turn', ref: 2, s: 0, id: newTurnId(), input: 'b', onBusy: 'queue' });
    expect(await client.next('error')).toMatchObject({ ref: 2, code: 'draining', retryable: true });
    call.sink.onText('finished');
    call.sink.onEnd('stop', 'stop');
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
    expect((await client.closed).code).toBe(4000);
    await drained;
  });

  test('a drain whose time is over ends turns as interrupted', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: { settings: { onBusy: 'queue' } } });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' }, { t: 'turn', s: 0, id: newTurnId(), input: 'b' });
    await upstream.nextCall();
    await client.next('turn.state', (state) => state.state === 'queued');
    await gateway.drain(0);
    await client.closed;
    expect(client.all('turn.ended').map((end) => [end.status, end.reason])).toEqual([
      ['interrupted', 'shutdown'],
      ['interrupted', 'shutdown'],
    ]);
    expect(upstream.calls).toHaveLength(1);
  });

  test('deadline and token limit cut a running stream', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a', limits: { maxOutputTokens: 5 } });
    const call = await upstream.nextCall();
    expect(call.request.params.maxOutputTokens).toBe(5);
    call.sink.onText('one two three');
    call.sink.onText(' four five six seven eight');
    expect(await client.next('turn.ended')).toMatchObject({
      status: 'limited',
      reason: 'max_output_tokens',
      usage: { output: 5 },
    });
    expect(
      client
        .all('delta')
        .map((delta) => delta.text)
        .join(''),
    ).toBe('one two three four five');
    expect(await call.aborted).toBe('max_output_tokens');
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'b', deadlineMs: 20 });
    expect(await client.next('turn.ended')).toMatchObject({ status: 'limited', reason: 'deadline' });
  });
});
