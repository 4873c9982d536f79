import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ParleyError } from '../../../clients/shared/parley-error.ts';
import { createScene, settle } from './support/scene.ts';

describe('the first connection', () => {
  test('says hello with its credential and is live at the welcome', async () => {
    const scene = createScene();
    const connecting = scene.connect({ auth: { key: 'k' }, client: { name: 'page', version: '2' } });
    const socket = await scene.latest();
    expect(socket.protocols).toEqual(['parley.v1.msgpack']);
    socket.open();
    expect(socket.messages).toEqual([[{ t: 'hello', client: { name: 'page', version: '2' }, auth: { key: 'k' } }]]);
    socket.welcome();
    expect((await connecting).state).toBe('live');
  });

  test('rejects when it fails, after as many attempts as wanted', async () => {
    const scene = createScene();
    const once = scene.connect();
    (await scene.latest()).drop(1006, 'HTTP 503');
    await expect(once).rejects.toMatchObject({ code: 'connection_failed', message: 'HTTP 503 (1006).' });
    const twice = scene.connect({ attempts: 2 });
    (await scene.latest()).drop();
    await settle();
    expect(scene.sockets).toHaveLength(2);
    scene.clock.advance(500);
    (await scene.latest()).drop();
    await expect(twice).rejects.toBeInstanceOf(ParleyError);
    expect(scene.sockets).toHaveLength(3);
    expect(scene.clock.delays).toEqual([]);
  });

  test('gives up without a welcome in time', async () => {
    const scene = createScene();
    const connecting = scene.connect();
    const socket = await scene.latest();
    socket.open();
    scene.clock.advance(9_999);
    expect(socket.ended).toBeUndefined();
    scene.clock.advance(1);
    expect(socket.ended).toBe('abandoned');
    await expect(connecting).rejects.toMatchObject({ code: 'connection_failed' });
  });

  test('an abort rejects with its reason and closes the socket', async () => {
    const scene = createScene();
    const controller = new AbortController();
    const connecting = scene.connect({ signal: controller.signal });
    const socket = await scene.latest();
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    expect(socket.ended).toBe('closed');
  });
});

describe('reconnecting', () => {
  test('the delay is between 0 and min(20 s, 0.5 s × 2ⁿ)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 10 }),
        async (randoms) => {
          const scene = createScene();
          const { client, socket } = await scene.connected();
          scene.randoms.push(...randoms);
          socket.drop();
          for (const [attempt, random] of randoms.entries()) {
            const [delayMs] = scene.clock.delays;
            expect(delayMs).toBe(Math.floor(random * Math.min(20_000, 500 * 2 ** attempt)));
            scene.clock.advance(delayMs!);
            (await scene.latest()).drop();
          }
          expect(scene.sockets).toHaveLength(1 + randoms.length);
          await client.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a connection that lasted starts the delays anew, one that did not does not', async () => {
    const scene = createScene();
    await scene.connected();
    const delays: number[] = [];
    for (const lastedMs of [0, 0, 0, 5_000]) {
      scene.clock.advance(lastedMs);
      (await scene.latest()).drop();
      delays.push(scene.clock.delays[0]!);
      scene.clock.advance(delays.at(-1)!);
      const socket = await scene.latest();
      socket.open();
      socket.welcome();
    }
    expect(delays).toEqual([250, 500, 1_000, 250]);
    expect(scene.states.slice(0, 5)).toEqual(['connecting', 'live', 'offline', 'resuming', 'live']);
  });

  test('a heartbeat without answer is a lost connection; any message is an answer', async () => {
    const scene = createScene();
    const { socket } = await scene.connected();
    scene.clock.advance(25_000);
    expect(socket.all('ping')).toHaveLength(1);
    socket.deliver({ t: 'presence', s: 9, writers: 1, viewers: 0 });
    scene.clock.advance(25_000);
    expect(socket.all('ping')).toHaveLength(2);
    socket.deliver({ t: 'pong' });
    scene.clock.advance(25_000);
    scene.clock.advance(24_999);
    expect(socket.ended).toBeUndefined();
    scene.clock.advance(1);
    expect(socket.ended).toBe('abandoned');
    expect(scene.states.at(-1)).toBe('offline');
  });

  test('a check asks at once when connected, and tries at once when not', async () => {
    const scene = createScene();
    const { client, socket } = await scene.connected();
    client.check();
    expect(socket.all('ping')).toHaveLength(1);
    scene.clock.advance(5_000);
    expect(socket.ended).toBe('abandoned');
    expect(client.state).toBe('offline');
    client.check();
    expect(client.state).toBe('resuming');
    await scene.latest();
    client.check();
    await settle();
    expect(scene.sockets).toHaveLength(2);
  });

  test('close codes of 4300 and 1009 stop, with the error that came before', async () => {
    for (const code of [4300, 4302, 1009]) {
      const scene = createScene();
      const { client, socket, session } = await scene.attached();
      const turn = session.send('lost');
      socket.deliver({ t: 'error', code: 'malformed_message', message: 'No.', retryable: false });
      socket.drop(code);
      expect(client.state).toBe('closed');
      expect(scene.errors.at(-1)).toMatchObject({ code: 'malformed_message', message: 'No.' });
      await expect(turn.done).rejects.toMatchObject({ code: 'malformed_message' });
      await expect(client.session('s2')).rejects.toMatchObject({ code: 'closed' });
      expect(await client.close()).toEqual({ unsent: [{ session: 's1', turn: turn.id, input: 'lost' }] });
      expect(scene.clock.delays).toEqual([]);
    }
  });

  test('the gateway’s own wait is a floor for the delay', async () => {
    const scene = createScene();
    const { socket } = await scene.connected();
    socket.deliver({ t: 'error', code: 'overloaded', message: 'Full.', retryable: true, retryAfterMs: 7_000 });
    socket.drop(4004);
    expect(scene.clock.delays).toEqual([7_000]);
  });
});

describe('credentials', () => {
  test('a renewable one is asked for again when it is refused, a fixed one ends the client', async () => {
    const fixed = createScene();
    const { client, socket } = await fixed.connected({ auth: { token: 'old' } });
    socket.drop(4200, 'expired');
    expect(client.state).toBe('closed');
    expect(fixed.errors[0]).toMatchObject({ code: 'unauthorized' });

    const scene = createScene();
    const tokens = ['one', 'two', 'three'];
    const live = await scene.connected({ auth: async () => ({ token: tokens.shift()! }) });
    live.socket.drop(1006);
    scene.clock.advance(500);
    const again = await scene.latest();
    again.open();
    expect(again.last('hello').auth).toEqual({ token: 'one' });
    again.drop(4201);
    scene.clock.advance(1_000);
    const renewed = await scene.latest();
    renewed.open();
    expect(renewed.last('hello').auth).toEqual({ token: 'two' });
    renewed.drop(4201);
    // a fresh one was refused: another would be, too
    expect(live.client.state).toBe('closed');
  });

  test('a token is renewed in place before it ends, again and again, and what fails is left to the close', async () => {
    const scene = createScene();
    const tokens = ['one', 'two', 'three', 'four'];
    const connecting = scene.connect({ auth: async () => ({ token: tokens.shift()! }) });
    const socket = await scene.latest();
    socket.open();
    socket.welcome({ heartbeatMs: 0, expiresAt: Date.now() + 100_000 });
    const client = await connecting;
    expect(socket.all('auth')).toEqual([]);
    scene.clock.advance(80_001);
    await settle();
    expect(socket.last('auth')).toMatchObject({ token: 'two' });
    socket.deliver({ t: 'authenticated', ref: socket.last('auth').ref, expiresAt: Date.now() + 1_000_000 });
    scene.clock.advance(940_001);
    await settle();
    expect(socket.last('auth')).toMatchObject({ token: 'three' });
    socket.deliver({
      t: 'error',
      ref: socket.last('auth').ref,
      code: 'unauthorized',
      message: 'No.',
      retryable: false,
    });
    expect(scene.errors).toEqual([]);
    socket.drop(4200);
    scene.clock.advance(1_000);
    const next = await scene.latest();
    next.open();
    expect(next.last('hello').auth).toEqual({ token: 'four' });
    expect(client.state).toBe('resuming');
  });

  test('tickets are made for each connection, and a source that fails is asked again', async () => {
    const scene = createScene();
    let made = 0;
    const auth = (): { ticket: string } => {
      if (made === 1) {
        made++;
        throw new Error('the ticket desk is closed');
      }
      return { ticket: `t${made++}` };
    };
    const { socket } = await scene.connected({ auth });
    socket.drop();
    scene.clock.advance(500);
    await settle();
    expect(scene.sockets).toHaveLength(1);
    scene.clock.advance(1_000);
    const next = await scene.latest();
    next.open();
    expect(next.last('hello').auth).toEqual({ ticket: 't2' });
  });
});

describe('faults of the gateway', () => {
  test('a bad frame is told and not applied, an unknown one is ignored', async () => {
    const scene = createScene();
    const { socket, session } = await scene.attached();
    socket.deliver(
      { t: 'weather', sunny: true },
      { t: 'delta', s: 0, pos: 0, turn: 'x', text: 7, tokens: 1 },
      { t: 'updated', s: 0, settings: { system: 'kept' } },
    );
    expect(scene.errors).toMatchObject([{ code: 'bad_frame' }]);
    expect(session.settings).toEqual({ system: 'kept' });
    expect(session.cursor).toBe(0);
  });

  test('an unreadable message costs the connection, not the client', async () => {
    const scene = createScene();
    const { client, socket } = await scene.connected();
    socket.deliverRaw(new Uint8Array([0xc1]));
    expect(socket.ended).toBe('abandoned');
    expect(client.state).toBe('offline');
    expect(scene.errors).toMatchObject([{ code: 'bad_frame' }]);
  });
});
