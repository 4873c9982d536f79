import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { RawClient } from '../support/raw-client.ts';
import { createScriptedUpstream, type ScriptedCall } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

describe.each(['uws', 'ws'] as const)('slow readers over %s', (transport) => {
  test('a reader that pauses gets merged deltas and loses nothing; others are not held up', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({
      transport,
      upstreamObjects: [upstream],
      limits: { maxOutputTokens: 10_000_000 },
    });
    const fast = await RawClient.connect(gateway.url);
    const { session } = await fast.attach({ ref: 1, s: 0, create: {} });
    const slow = await RawClient.connect(gateway.url);
    await slow.attach({ ref: 1, s: 0, session });
    const turn = newTurnId();
    fast.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const call = await upstream.nextCall();
    await slow.next('turn.routed');
    slow.socket.pause();
    await flood(call, fast, 120_000);
    call.sink.onEnd('stop', 'stop');
    await fast.next('turn.ended');
    slow.socket.resume();
    await slow.next('turn.ended');
    expect(slow.all('lagging').length).toBeGreaterThan(0);
    expect(slow.all('delta').length).toBeLessThan(fast.all('delta').length);
    expect(textOf(slow.frames, turn)).toBe(textOf(fast.frames, turn));
    checkContiguous(slow.frames, 0, 0);
  });

  test('a reader that never reads is closed with 4001, its cursor stays good, and memory stays bounded', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({
      transport,
      upstreamObjects: [upstream],
      limits: { slowConsumerMs: 300, maxOutputTokens: 10_000_000 },
    });
    const fast = await RawClient.connect(gateway.url);
    const { session, epoch } = await fast.attach({ ref: 1, s: 0, create: {} });
    const slow = await RawClient.connect(gateway.url);
    await slow.attach({ ref: 1, s: 0, session });
    const turn = newTurnId();
    fast.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const call = await upstream.nextCall();
    await slow.next('turn.routed');
    (slow.socket as unknown as { _socket: Socket })._socket.pause();
    while (gateway.stats().connections === 2) await flood(call, fast, 2_000);
    call.sink.onEnd('stop', 'stop');
    await fast.next('turn.ended');
    (slow.socket as unknown as { _socket: Socket })._socket.resume();
    const { code } = await slow.closed;
    // a peer that does not read gets the code only if it reads up to it before the connection is dropped
    expect([4001, 1006]).toContain(code);
    const cursor = checkContiguous(slow.frames, 0, 0);
    const again = await RawClient.connect(gateway.url);
    const answer = await again.attach({ ref: 1, s: 0, session, epoch, after: cursor });
    expect(answer).toMatchObject({ outcome: 'resumed', from: cursor });
    expect(textOf(slow.frames, turn) + textOf(again.frames, turn)).toBe(textOf(fast.frames, turn));
  });

  test('a byte at a time in both directions gives the same frames', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const proxy = await startSlicingProxy(gateway.port);
    const client = await RawClient.connect(`http://127.0.0.1:${proxy.port}`);
    await client.attach({ ref: 1, s: 0, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'naïve 東京 😀' });
    const call = await upstream.nextCall();
    expect(call.request.messages).toEqual([{ role: 'user', content: 'naïve 東京 😀' }]);
    for (const piece of ['na', 'ï', 've ', '東', '京 ', '😀']) call.sink.onText(piece);
    call.sink.onEnd('stop', 'stop');
    await client.next('turn.ended');
    expect(textOf(client.frames, turn)).toBe('naïve 東京 😀');
    await client.close();
    proxy.close();
  });
});

/** Many small pieces, at the pace of a reader that keeps up. */
async function flood(call: ScriptedCall, fast: RawClient, pieces: number): Promise<void> {
  for (let i = 0; i < pieces; i++) {
    call.sink.onText(` piece${i % 10} of an answer that is long enough to fill what a socket holds`);
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const seen = fast.frames.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(fast.frames.length).toBeGreaterThanOrEqual(seen);
}

/** A TCP proxy that writes every byte by itself. */
async function startSlicingProxy(target: number): Promise<{ port: number; close(): void }> {
  const { createServer } = await import('node:net');
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (data) => {
        for (const byte of data) to.write(Buffer.from([byte]));
      });
      from.on('close', () => to.destroy());
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
