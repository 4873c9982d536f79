import { describe, expect, test } from 'vitest';
import type { Client } from '../../../clients/shared/api.ts';
import { createScene, endedFrame, type FakeSocket, type Scene, settle } from './support/scene.ts';

/** Loses the connection and makes another, up to the welcome. */
async function reconnect(scene: Scene): Promise<FakeSocket> {
  (await scene.latest()).drop();
  scene.clock.advance(20_000);
  const socket = await scene.latest();
  socket.open();
  socket.welcome();
  return socket;
}

describe('a turn without answer', () => {
  test('goes again with the same id, in one round trip with the attach', async () => {
    const scene = createScene();
    const { socket, session } = await scene.attached();
    const turn = session.send('once', { onBusy: 'queue', params: { temperature: 0 } });
    expect(turn.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    const next = await reconnect(scene);
    expect(next.messages.map((message) => message.map(({ t }) => t))).toEqual([['hello', 'attach'], ['turn']]);
    expect(next.last('turn')).toEqual(socket.last('turn'));
    next.attached();
    next.deliver({ t: 'turn.state', ref: next.last('turn').ref, s: 0, turn: turn.id, state: 'streaming' });
    const third = await reconnect(scene);
    expect(third.all('turn')).toHaveLength(0);
    third.attached();
    third.deliver({ t: 'turn.accepted', s: 0, pos: 0, turn: turn.id, input: 'once', at: 1 });
    await turn.accepted;
    expect(turn.status).toBe('running');
  });

  test('is handed back when the client closes; those accepted are not', async () => {
    const { client, socket, session } = await createScene().attached();
    const ran = session.send('ran');
    const lost = session.send([{ type: 'text', text: 'lost' }]);
    socket.deliver({ t: 'turn.accepted', s: 0, pos: 0, turn: ran.id, input: 'ran', at: 1 });
    expect(await client.close()).toEqual({
      unsent: [{ session: 's1', turn: lost.id, input: [{ type: 'text', text: 'lost' }] }],
    });
    expect(socket.ended).toBe('closed');
    await expect(ran.done).rejects.toMatchObject({ code: 'closed' });
    await expect(lost.accepted).rejects.toMatchObject({ code: 'closed' });
    await expect(session.send('after').done).rejects.toMatchObject({ code: 'closed' });
    expect((await client.close()).unsent).toHaveLength(1);
  });

  test('that cannot go over the wire is refused here, and the connection stays', async () => {
    const { client, socket, session } = await createScene().attached();
    const deep = JSON.parse('['.repeat(20) + ']'.repeat(20)) as unknown;
    await expect(session.send('x'.repeat(70_000)).done).rejects.toMatchObject({ code: 'input_too_large' });
    const turn = session.send('y');
    await expect(turn.toolResult('c', { output: deep })).rejects.toMatchObject({ code: 'malformed_message' });
    await expect(turn.toolResult('c', { output: 1n << 80n })).rejects.toMatchObject({ name: 'ParleyError' });
    expect(socket.all('turn')).toHaveLength(1);
    expect(client.state).toBe('live');
  });

  test('refused ends with the code, and an unknown code is kept retryable', async () => {
    const { socket, session } = await createScene().attached();
    const turn = session.send('x');
    const ref = socket.last('turn').ref;
    socket.deliver({
      t: 'error',
      ref,
      s: 0,
      turn: turn.id,
      code: 'new_in_v1_9',
      message: 'Hm.',
      retryable: true,
      retryAfterMs: 5,
    });
    await expect(turn.done).rejects.toMatchObject({
      code: 'internal',
      message: 'Hm.',
      retryable: true,
      retryAfterMs: 5,
    });
    expect(session.turns.size).toBe(0);
  });
});

describe('a cancel', () => {
  test('before the turn was ever sent ends it here', async () => {
    const scene = createScene();
    const { socket, session } = await scene.attached();
    socket.drop();
    const turn = session.send('never');
    const controller = new AbortController();
    const other = session.send('nor this', { signal: controller.signal });
    controller.abort();
    const third = session.send('nor that', { signal: AbortSignal.abort('early') });
    expect(await turn.cancel()).toMatchObject({ status: 'cancelled', reason: 'cancelled', text: '' });
    expect(await other.done).toMatchObject({ status: 'cancelled' });
    expect(await third.done).toMatchObject({ status: 'cancelled', reason: 'early' });
    await expect(turn.accepted).rejects.toMatchObject({ code: 'aborted' });
    scene.clock.advance(20_000);
    const next = await scene.latest();
    next.open();
    expect(next.messages.flat().map(({ t }) => t)).toEqual(['hello', 'attach']);
  });

  test('goes again until it is answered, before the turn it is meant for', async () => {
    const scene = createScene();
    const { socket, session } = await scene.attached();
    const turn = session.send('stop me');
    const cancelled = turn.cancel({ reason: 'user', heard: 3 });
    expect(socket.last('cancel')).toMatchObject({ turn: turn.id, reason: 'user', heard: 3 });
    const next = await reconnect(scene);
    expect(next.messages.slice(1).map(([frame]) => frame!.t)).toEqual(['cancel', 'turn']);
    next.attached();
    next.deliver({ t: 'cancelling', ref: next.last('cancel').ref, s: 0, turn: turn.id, upstream: 'not_started' });
    next.deliver(
      { t: 'turn.accepted', s: 0, pos: 0, turn: turn.id, input: 'stop me', at: 1 },
      endedFrame(turn.id, 1, { status: 'cancelled' }),
    );
    expect(await cancelled).toMatchObject({ status: 'cancelled' });
    expect((await reconnect(scene)).all('cancel')).toHaveLength(0);
  });

  test('after the end only says what was heard', async () => {
    const { socket, session } = await createScene().attached();
    const turn = session.send('x');
    socket.deliver({ t: 'turn.accepted', s: 0, pos: 0, turn: turn.id, input: 'x', at: 1 }, endedFrame(turn.id, 1));
    const result = await turn.done;
    expect(await turn.cancel()).toBe(result);
    expect(socket.all('cancel')).toHaveLength(0);
    const told = turn.cancel({ heard: 1 });
    socket.deliver({ t: 'cancelling', ref: socket.last('cancel').ref, s: 0, turn: turn.id, upstream: 'ended' });
    expect(await told).toBe(result);
  });

  test('that is refused rejects, and the turn goes on', async () => {
    const { socket, session } = await createScene().attached();
    const turn = session.send('x');
    const cancelled = turn.cancel();
    socket.deliver({
      t: 'error',
      ref: socket.last('cancel').ref,
      s: 0,
      turn: turn.id,
      code: 'forbidden',
      message: 'No.',
      retryable: false,
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'forbidden' });
    expect(turn.status).toBe('sending');
  });
});

describe('other requests', () => {
  test('are repeated, and an aborted one is not', async () => {
    const scene = createScene();
    const { socket, session } = await scene.attached();
    const controller = new AbortController();
    const history = session.history({ limit: 5 });
    const aborted = session.history({ signal: controller.signal });
    const result = session.send('x').toolResult('c1', { output: { a: 1 } });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(session.history({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    expect(socket.all('history')).toHaveLength(2);
    const next = await reconnect(scene);
    expect(next.all('history')).toMatchObject([{ limit: 5 }]);
    expect(next.last('tool.result')).toMatchObject({ call: 'c1', output: { a: 1 } });
    next.attached();
    next.deliver({ t: 'history', ref: next.last('history').ref, s: 0, turns: [], next: 4 });
    expect(await history).toEqual({ turns: [], next: 4 });
    next.deliver({ t: 'tool.result', s: 0, pos: 0, turn: next.last('tool.result').turn, call: 'c1', output: { a: 1 } });
    await expect(result).resolves.toBeUndefined();
  });

  test('a session erased while away is deleted; a delete asked for has succeeded', async () => {
    const scene = createScene();
    const { session } = await scene.attached();
    let deleted = 0;
    session.on('deleted', () => deleted++);
    const turn = session.send('x');
    const erasing = session.delete();
    const next = await reconnect(scene);
    next.deliver({
      t: 'error',
      ref: next.last('attach').ref,
      s: 0,
      code: 'session_not_found',
      message: 'Gone.',
      retryable: false,
    });
    await erasing;
    expect(deleted).toBe(1);
    await expect(turn.done).rejects.toMatchObject({ code: 'session_not_found' });
    expect(scene.states.at(-1)).toBe('live');
  });

  test('a retryable fault of an attach is tried again, another one ends the session', async () => {
    const scene = createScene();
    const { session } = await scene.attached();
    const turn = session.send('x');
    const next = await reconnect(scene);
    const { ref } = next.last('attach');
    next.deliver({
      t: 'error',
      ref,
      s: 0,
      code: 'store_unavailable',
      message: 'Later.',
      retryable: true,
      retryAfterMs: 3_000,
    });
    next.deliver({
      t: 'error',
      ref: next.last('turn').ref,
      s: 0,
      turn: turn.id,
      code: 'alias_unknown',
      message: 'No.',
      retryable: false,
    });
    scene.clock.advance(3_000);
    expect(next.all('attach')).toHaveLength(2);
    expect(turn.status).toBe('sending');
    next.attached();
    expect(next.all('turn')).toHaveLength(2);
    expect(scene.states.at(-1)).toBe('live');
  });
});

describe('sessions', () => {
  test('get an id here, so that a repeated attach makes no second one', async () => {
    const scene = createScene();
    const { client, socket } = await scene.connected();
    const opening = client.session(undefined, { system: 'S' });
    await settle();
    const first = socket.last('attach');
    expect(first).toMatchObject({ create: { settings: { system: 'S' } } });
    expect(first).not.toHaveProperty('after');
    const next = await reconnect(scene);
    expect(next.last('attach')).toEqual({ ...first, ref: next.last('attach').ref });
    next.attached({ outcome: 'new' });
    expect((await opening).id).toBe(first.session);
  });

  test('have aliases of their own, are shared by id, and free them', async () => {
    const { client, socket } = await createScene().connected();
    const [a, b] = await openAll(client, socket, ['a', 'b']);
    expect(socket.all('attach').map(({ s }) => s)).toEqual([0, 1]);
    expect(await client.session('a')).toBe(a);
    a!.detach();
    expect(socket.last('detach')).toEqual({ t: 'detach', s: 0 });
    const [c] = await openAll(client, socket, ['c']);
    expect(socket.last('attach').s).toBe(0);
    socket.deliver({ t: 'updated', s: 0, settings: { system: 'of c' } });
    expect([a, b, c].map((session) => session!.settings)).toEqual([{}, {}, { system: 'of c' }]);
  });

  test('an abort while attaching detaches', async () => {
    const { client, socket } = await createScene().connected();
    const controller = new AbortController();
    const opening = client.session('a', undefined, { signal: controller.signal });
    await settle();
    controller.abort(new Error('left'));
    await expect(opening).rejects.toThrow('left');
    expect(socket.all('detach')).toHaveLength(1);
  });

  test('with replay “new” begin at the head, or show what runs from its start', async () => {
    const { client, socket } = await createScene().connected();
    const opening = client.session('a', undefined, { replay: 'new' });
    await settle();
    socket.attached({ from: 0, head: 40 });
    expect(socket.last('attach')).toMatchObject({ after: 40, epoch: 'e1' });
    socket.attached({ head: 40 });
    expect((await opening).cursor).toBe(40);
    const running = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const old = '01ARZ3NDEKTSV4RRFFQ69G5FAW';
    const second = client.session('b', undefined, { replay: 'new' });
    await settle();
    socket.attached({ s: 1, from: 0, head: 4, live: [running] });
    socket.deliver(
      { t: 'turn.accepted', s: 1, pos: 0, turn: old, input: 'old', at: 1 },
      { ...endedFrame(old, 1), s: 1 },
      { t: 'turn.accepted', s: 1, pos: 2, turn: running, input: 'now', at: 1 },
      { t: 'delta', s: 1, pos: 3, turn: running, text: 'a', tokens: 1 },
    );
    expect([...(await second).turns.values()]).toMatchObject([{ id: running, partialText: 'a' }]);
  });
});

async function openAll(client: Client, socket: FakeSocket, ids: string[]) {
  const sessions = [];
  for (const id of ids) {
    const opening = client.session(id);
    await settle();
    socket.attached({ s: socket.last('attach').s });
    sessions.push(await opening);
  }
  return sessions;
}

describe('a request about a turn', () => {
  const turn = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

  test('to pin it is answered by its frame, and goes again with the next connection', async () => {
    const scene = createScene();
    const { socket, session } = await scene.attached();
    const pinning = session.pin(turn, true);
    expect(socket.last('pin')).toMatchObject({ s: 0, turn, pinned: true });
    const next = await reconnect(scene);
    next.attached();
    next.deliver({ t: 'pinned', ref: next.last('pin').ref, s: 0, turn, pinned: true });
    await pinning;
    expect(session.pinned.has(turn)).toBe(true);
    const refused = session.pin(turn, true);
    const error = { code: 'turn_not_found', message: 'No.', retryable: false };
    next.deliver({ t: 'error', ref: next.last('pin').ref, s: 0, turn, ...error });
    await expect(refused).rejects.toMatchObject({ code: 'turn_not_found' });
  });

  test('for its window gathers all pages', async () => {
    const { socket, session } = await createScene().attached();
    const asking = session.window(turn);
    const page = { t: 'window', s: 0, turn, sent: true, upstream: 'u', model: 'm' };
    const message = (text: string) => ({ role: 'user', text, media: ['image/png'] });
    expect(socket.last('window').skip).toBeUndefined();
    socket.deliver({ ...page, ref: socket.last('window').ref, messages: [message('a'), message('b')], next: 2 });
    await settle();
    expect(socket.last('window').skip).toBe(2);
    socket.deliver({ ...page, ref: socket.last('window').ref, messages: [message('c')] });
    expect(await asking).toEqual({
      sent: true,
      messages: [message('a'), message('b'), message('c')],
      upstream: 'u',
      model: 'm',
      report: undefined,
    });
  });
});

test('bytes of a picture are sent as they are, and known here as base64 text', async () => {
  const { client, socket, session } = await createScene().attached();
  const data = Uint8Array.from([1, 2, 3, 4]);
  const turn = session.send([{ type: 'image', mediaType: 'image/png', data }], { metadata: { plan: 'free' } });
  const input = [{ type: 'image', mediaType: 'image/png', data: 'AQIDBA==' }];
  expect(socket.last('turn')).toMatchObject({ input, metadata: { plan: 'free' } });
  expect(turn.input).toEqual(input);
  expect((await client.close()).unsent).toMatchObject([{ input }]);
  await expect(turn.accepted).rejects.toMatchObject({ code: 'closed' });
});
