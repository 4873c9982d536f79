import { expect, test } from 'vitest';
import { createScene, endedFrame, settle } from './support/scene.ts';

const goaway = { t: 'goaway', reason: 'shutdown', deadlineMs: 10_000, reconnect: { minMs: 1_000, maxMs: 3_000 } };

test('the new connection is made, and has every session, before the old one is closed', async () => {
  const scene = createScene();
  const { client, socket: old, session } = await scene.attached();
  const turn = session.send('go');
  old.deliver({ t: 'turn.accepted', s: 0, pos: 0, turn: turn.id, input: 'go', at: 1 });
  old.deliver(goaway);
  expect(client.state).toBe('draining');
  // between minMs and maxMs, the random number being 0.5
  expect(scene.clock.delays[0]).toBe(2_000);
  old.deliver({ t: 'delta', s: 0, pos: 1, turn: turn.id, text: 'one ', tokens: 1 });
  scene.clock.advance(2_000);
  const fresh = await scene.latest();
  fresh.open();
  expect(fresh.messages[0]!.map(({ t }) => t)).toEqual(['hello', 'attach']);
  expect(fresh.last('attach')).toMatchObject({ session: 's1', epoch: 'e1', after: 5 });
  expect(fresh.last('attach')).not.toHaveProperty('create');
  // both deliver for a while: nothing is lost, nothing doubled
  old.deliver({ t: 'delta', s: 0, pos: 5, turn: turn.id, text: 'two ', tokens: 2 });
  fresh.welcome();
  expect(old.ended).toBeUndefined();
  fresh.attached();
  expect(old.ended).toBe('closed');
  expect(client.state).toBe('live');
  fresh.deliver({ t: 'delta', s: 0, pos: 5, turn: turn.id, text: 'two three', tokens: 3 }, endedFrame(turn.id, 14));
  expect(await turn.text()).toBe('one two three');
});

test('a request without answer goes again with the new connection, and “draining” keeps a turn', async () => {
  const scene = createScene();
  const { socket: old, session } = await scene.attached();
  old.deliver(goaway);
  const turn = session.send('go');
  old.deliver({
    t: 'error',
    ref: old.last('turn').ref,
    s: 0,
    turn: turn.id,
    code: 'draining',
    message: 'Elsewhere.',
    retryable: true,
  });
  scene.clock.advance(2_000);
  const fresh = await scene.latest();
  fresh.open();
  fresh.welcome();
  expect(fresh.all('turn')).toHaveLength(0);
  fresh.attached();
  expect(fresh.all('turn')).toEqual(old.all('turn'));
  expect(turn.status).toBe('sending');
});

test('a new connection that fails leaves the old one in use; losing that waits no less than was asked', async () => {
  const scene = createScene();
  const { client, socket: old } = await scene.attached();
  old.deliver(goaway);
  scene.clock.advance(2_000);
  (await scene.latest()).drop();
  expect(client.state).toBe('draining');
  expect(scene.clock.delays[0]).toBe(1_000);
  old.drop(4000, 'going away');
  expect(client.state).toBe('offline');
  scene.clock.advance(1_000);
  await settle();
  expect(client.state).toBe('resuming');
  expect(scene.sockets).toHaveLength(3);
});

test('the old connection may be lost while the new one is being made', async () => {
  const scene = createScene();
  const { client, socket: old, session } = await scene.attached();
  old.deliver(goaway);
  scene.clock.advance(2_000);
  const fresh = await scene.latest();
  fresh.open();
  old.drop(4000);
  expect(client.state).toBe('resuming');
  const turn = session.send('in between');
  fresh.welcome();
  fresh.attached();
  expect(client.state).toBe('live');
  expect(new Set(fresh.all('turn').map(({ id }) => id))).toEqual(new Set([turn.id]));
});

test('a node that goes away while it is being connected is left as soon as it is live', async () => {
  const scene = createScene();
  const { client, socket } = await scene.attached();
  socket.drop();
  scene.clock.advance(500);
  const next = await scene.latest();
  next.open();
  next.welcome();
  next.deliver(goaway);
  expect(client.state).toBe('resuming');
  next.attached();
  expect(client.state).toBe('draining');
});
