import { describe, expect, test } from 'vitest';
import { codecFor } from '../../protocol/codec.ts';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

describe.each(['uws', 'ws'] as const)('frames in odd orders over %s', (transport) => {
  async function start(answer?: Parameters<typeof createScriptedUpstream>[0]) {
    const upstream = createScriptedUpstream(answer);
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    return { upstream, gateway, client: await RawClient.connect(gateway.url) };
  }

  test('a deadline counts for accepted turns alone: not for repeats, nor for refused ones', async () => {
    const { upstream, client } = await start();
    await client.attach({ ref: 1, s: 0, create: {} });
    const frame = { t: 'turn', s: 0, id: newTurnId(), input: 'a', deadlineMs: 60 } as const;
    client.send(frame);
    const call = await upstream.nextCall();
    call.sink.onText('done');
    call.sink.onEnd('stop', 'stop');
    await client.next('turn.ended');
    client.send({ ...frame, ref: 2 });
    await client.next('turn.state', (state) => state.ref === 2);
    const running = newTurnId();
    client.send({ t: 'turn', s: 0, id: running, input: 'b' });
    const second = await upstream.nextCall();
    client.send({ t: 'turn', ref: 3, s: 0, id: newTurnId(), input: 'c', deadlineMs: 30 });
    await client.next('error');
    await new Promise((resolve) => setTimeout(resolve, 150));
    second.sink.onText('still');
    second.sink.onEnd('stop', 'stop');
    expect(await client.next('turn.ended', (end) => end.turn === running)).toMatchObject({ status: 'completed' });
    expect(client.all('turn.ended')).toHaveLength(2);
    checkContiguous(client.frames, 0, 0);
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'd', deadlineMs: 4_000_000_000 });
    (await upstream.nextCall()).sink.onEnd('stop', 'stop');
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
  });

  test('a socket that is lost right behind its turn finds the turn again', async () => {
    const { upstream, gateway, client } = await start();
    for (let i = 0; i < 10; i++) {
      const sender = await RawClient.connect(gateway.url);
      await sender.attach({ ref: 1, s: 0, session: `lost-${i}`, create: {} });
      const frame = { t: 'turn', s: 0, id: newTurnId(), input: 'a' } as const;
      sender.send(frame);
      await (i % 2 === 0 ? sender.close() : sender.drop());
      await client.attach({ ref: i, s: i, session: `lost-${i}` });
      client.send({ ...frame, ref: 100 + i, s: i });
      const call = await upstream.nextCall();
      call.sink.onText('found');
      call.sink.onEnd('stop', 'stop');
      await client.next('turn.ended', (end) => end.s === i);
      expect(textOf(client.frames, frame.id)).toBe('found');
      checkContiguous(client.frames, i, 0);
    }
    expect(upstream.calls).toHaveLength(10);
    expect(client.all('error')).toEqual([]);
    expect(gateway.stats().turns).toBe(0);
  });

  test('nothing of an erased session comes after `deleted`, and its turn is not run', async () => {
    const { upstream, client, gateway } = await start();
    for (let i = 0; i < 20; i++) {
      await client.attach({ ref: 1, s: 0, session: `erased-${i}`, create: {} });
      await client.attach({ ref: 2, s: 1, session: `erased-${i}` });
      client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' }, { t: 'delete', ref: 3, s: 1 });
      await client.next('deleted', ({ s }) => s === 1);
      const other = await client.attach({ ref: 4, s: 0, session: `other-${i}`, create: {} });
      expect(other.outcome).toBe('new');
      const after = client.frames.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(client.frames.slice(after).filter((frame) => 'turn' in frame)).toEqual([]);
      client.send({ t: 'detach', s: 0 });
    }
    for (const call of upstream.calls) expect(call.signal.aborted).toBe(true);
    expect(gateway.stats().turns).toBe(0);
  });

  test('frames behind detach and delete on the same alias find what is there then', async () => {
    const { client } = await start(answerWith(['x']));
    client.send(
      { t: 'attach', ref: 1, s: 0, session: 'a', create: {} },
      { t: 'detach', s: 0 },
      { t: 'attach', ref: 2, s: 0, session: 'b', create: {} },
      { t: 'delete', ref: 3, s: 0 },
      { t: 'attach', ref: 4, s: 0, session: 'b', create: {} },
      { t: 'detach', s: 0 },
      { t: 'turn', ref: 5, s: 0, id: newTurnId(), input: 'nobody' },
    );
    expect(await client.next('error')).toMatchObject({ ref: 5, code: 'alias_unknown' });
    expect(client.all('attached').map(({ ref, session, outcome }) => [ref, session, outcome])).toEqual([
      [1, 'a', 'new'],
      [2, 'b', 'new'],
      [4, 'b', 'new'],
    ]);
  });

  test('an erased session that is made again has another epoch: an old cursor is void', async () => {
    const { client } = await start(answerWith(['x']));
    const first = await client.attach({ ref: 1, s: 0, session: 'same', create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' });
    await client.next('turn.ended');
    client.send({ t: 'delete', ref: 2, s: 0 });
    await client.next('deleted');
    const again = await client.attach({ ref: 3, s: 0, session: 'same', create: {}, epoch: first.epoch, after: 3 });
    expect(again.epoch).not.toBe(first.epoch);
    expect(again).toMatchObject({ outcome: 'snapshot', from: 0, head: 0 });
  });

  test('two attaches at one cursor, apart in time, each get all of it', async () => {
    const { upstream, client, gateway } = await start();
    const { session } = await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const call = await upstream.nextCall();
    const routed = await client.next('turn.routed');
    let text = '';
    for (let i = 0; i < 6; i++) {
      call.sink.onText(`w${i} `);
      text += `w${i} `;
      await client.next('delta', (delta) => delta.text === `w${i} `);
      const reader = await RawClient.connect(gateway.url);
      await reader.attach({ ref: 1, s: 0, session, after: routed.pos + 1 });
      expect(textOf(reader.frames, turn)).toBe(text);
      checkContiguous(reader.frames, 0, routed.pos + 1);
      await reader.drop();
    }
  });

  test('a tool’s output that could not be sent back is refused; bytes in it are sent back as base64 text', async () => {
    const { upstream, client } = await start();
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a', tools: [{ name: 'f' }] });
    const call = await upstream.nextCall();
    call.sink.onToolCall({ id: 'c', name: 'f', arguments: '{}' });
    call.sink.onEnd('tool_calls', undefined);
    await client.next('tool.call');
    let deep: unknown = 1;
    for (let i = 0; i < 12; i++) deep = [deep];
    client.send({ t: 'tool.result', ref: 2, s: 0, turn, call: 'c', output: deep });
    expect(await client.next('error')).toMatchObject({ ref: 2, code: 'invalid_frame' });
    client.send({ t: 'tool.result', ref: 3, s: 0, turn, call: 'c', output: Array.from({ length: 5_000 }, () => 1) });
    expect(await client.next('error')).toMatchObject({ ref: 3, code: 'invalid_frame' });
    const output = (leaf: unknown): unknown => [[[[[[[leaf]]]]]]];
    const result = { t: 'tool.result', ref: 4, s: 0, turn, call: 'c', output: output(Buffer.from('abcd')) };
    client.sendRaw(codecFor('msgpack').encode(result));
    expect((await client.next('tool.result')).output).toEqual(output('YWJjZA=='));
    (await upstream.nextCall()).sink.onEnd('stop', 'stop');
    await client.next('turn.ended');
    client.send({ t: 'history', ref: 5, s: 0 });
    expect((await client.next('history')).turns[0]?.tools?.[0]?.output).toEqual(output('YWJjZA=='));
  });

  test('a page of history is bounded by its size', async () => {
    const { client } = await start(answerWith(['x']));
    await client.attach({ ref: 1, s: 0, create: { settings: { window: { maxTokens: 1_000_000 } } } });
    for (let i = 0; i < 6; i++) {
      client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'word '.repeat(80_000) });
      await client.next('turn.ended');
    }
    client.send({ t: 'history', ref: 2, s: 0, limit: 100 });
    const page = await client.next('history');
    expect(page.turns.length).toBeLessThan(5);
    client.send({ t: 'history', ref: 3, s: 0, limit: 100, before: page.next! });
    expect((await client.next('history', (next) => next.ref === 3)).turns.length).toBeGreaterThan(0);
  });
});
