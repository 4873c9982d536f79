import { expect, test } from 'vitest';
import type { TurnPart } from '../../../clients/shared/api.ts';
import { createScene, endedFrame, settle } from './support/scene.ts';

const turn = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const accepted = { t: 'turn.accepted', s: 0, pos: 0, turn, input: 'hi', at: 1 };
const delta = (pos: number, text: string, more: object = {}): object => ({
  t: 'delta',
  s: 0,
  pos,
  turn,
  text,
  tokens: pos,
  ...more,
});

test('what was seen is dropped, what was partly seen is cut', async () => {
  const { socket, session } = await createScene().attached();
  socket.deliver(accepted, delta(1, 'abc'), delta(1, 'abc'), accepted, delta(2, 'bcde'), delta(3, 'c'), delta(6, 'f'));
  expect(session.turns.get(turn)).toMatchObject({ partialText: 'abcdef', input: 'hi', tokens: 6, status: 'running' });
  expect(session.cursor).toBe(7);
});

test('a gap attaches again from the cursor, and what comes before the answer does not count', async () => {
  const { socket, session } = await createScene().attached();
  socket.deliver(accepted, delta(1, 'a'), delta(5, 'lost before'), delta(2, 'stale'));
  expect(socket.all('attach')).toHaveLength(2);
  expect(socket.last('attach')).toMatchObject({ s: 0, session: 's1', epoch: 'e1', after: 2 });
  socket.attached();
  socket.deliver(delta(2, 'bcd'));
  expect(session.turns.get(turn)!.partialText).toBe('abcd');
});

test('a gap that stays is asked for at growing intervals', async () => {
  const scene = createScene();
  const { socket } = await scene.attached();
  socket.deliver(delta(5, 'x'));
  socket.attached();
  for (let i = 0; i < 4; i++) {
    socket.deliver(delta(5, 'x'));
    expect(socket.all('attach')).toHaveLength(2 + i);
    scene.clock.advance(20_000);
    socket.deliver({ t: 'pong' });
    expect(socket.all('attach')).toHaveLength(3 + i);
    socket.attached();
  }
});

test('another epoch drops what is held; a turn that comes again goes on, one that does not is lost', async () => {
  const scene = createScene();
  const { socket, session } = await scene.attached();
  const mine = session.send('mine');
  const gone = session.send('gone', { onBusy: 'queue' });
  socket.deliver({ ...accepted, turn: mine.id, input: 'mine' }, { ...accepted, pos: 1, turn: gone.id, input: 'gone' });
  socket.deliver(delta(2, 'old text', { turn: mine.id }));
  const iterator = mine[Symbol.asyncIterator]();
  expect(await iterator.next()).toMatchObject({ value: { text: 'old text' } });
  let snapshots = 0;
  session.on('snapshot', () => snapshots++);
  socket.drop();
  scene.clock.advance(500);
  const next = await scene.latest();
  next.open();
  next.welcome();
  next.attached({ epoch: 'e2', outcome: 'snapshot', from: 0, head: 5 });
  expect(snapshots).toBe(1);
  expect(session).toMatchObject({ cursor: 0, epoch: 'e2', outcome: 'snapshot' });
  next.deliver({ ...accepted, turn: mine.id, input: 'mine' }, delta(1, 'new', { turn: mine.id }));
  next.deliver({ t: 'live', s: 0, pos: 4 });
  await expect(gone.done).rejects.toMatchObject({ code: 'history_lost' });
  await expect(iterator.next()).rejects.toMatchObject({ code: 'history_lost' });
  next.deliver(endedFrame(mine.id, 4));
  expect(await mine.text()).toBe('new');
  expect([...session.turns.values()]).toEqual([mine]);
});

test('turns of others are told, with their end', async () => {
  const { socket, session } = await createScene().attached();
  const told: string[] = [];
  session.on('turn', ({ id, input }) => told.push(`${id} ${String(input)}`));
  session.on('turn-ended', (ended, { status }) => told.push(`${ended.id} ${status}`));
  const stop = session.on('turn', () => told.push('never'));
  stop();
  socket.deliver(accepted, delta(1, 'a'), endedFrame(turn, 2));
  await settle();
  expect(told).toEqual([`${turn} hi`, `${turn} completed`]);
});

test('what was received is acknowledged: at an end, at heartbeats, and when it is much', async () => {
  const scene = createScene();
  const { socket } = await scene.attached();
  socket.deliver(accepted, delta(1, 'abc'));
  expect(socket.all('ack')).toHaveLength(0);
  scene.clock.advance(25_000);
  expect(socket.last('ack')).toEqual({ t: 'ack', s: 0, pos: 4 });
  socket.deliver(delta(4, 'x'.repeat(20_000)));
  expect(socket.last('ack').pos).toBe(20_004);
  socket.deliver(endedFrame(turn, 20_004));
  expect(socket.last('ack').pos).toBe(20_005);
  scene.clock.advance(25_000);
  expect(socket.all('ack')).toHaveLength(3);
});

test('every iteration sees a turn from its start, in pieces as long as it is slow', async () => {
  const { socket, session } = await createScene().attached();
  const mine = session.send('hi');
  const seen: TurnPart[] = [];
  const reading = (async () => {
    for await (const part of mine) seen.push(part);
  })();
  const at = { turn: mine.id };
  socket.deliver({ ...accepted, ...at }, { t: 'turn.state', s: 0, ...at, state: 'routing' });
  socket.deliver({
    t: 'turn.routed',
    s: 0,
    pos: 1,
    ...at,
    upstream: 'u',
    model: 'm',
    window: { turns: 0, tokens: 1, dropped: 0, maxTokens: 9 },
  });
  socket.deliver(delta(2, 'hmm', { ...at, kind: 'reasoning' }));
  await settle();
  socket.deliver(delta(5, 'a', at));
  await settle();
  socket.deliver(delta(6, 'b', at));
  socket.deliver(delta(7, 'c', at));
  await settle();
  for await (const part of mine) if (part.type === 'text') break;
  socket.deliver({ t: 'tool.call', s: 0, pos: 8, ...at, call: 'c1', name: 'n', arguments: '{}' });
  socket.deliver(
    { t: 'tool.result', s: 0, pos: 9, ...at, call: 'c1', error: 'no' },
    delta(10, 'd', at),
    endedFrame(mine.id, 11),
  );
  await reading;
  expect(seen).toEqual([
    { type: 'state', state: 'routing' },
    { type: 'routed', upstream: 'u', model: 'm', window: { turns: 0, tokens: 1, dropped: 0, maxTokens: 9 } },
    { type: 'reasoning', text: 'hmm', tokens: 2, pos: 2 },
    { type: 'text', text: 'a', tokens: 5, pos: 5 },
    { type: 'text', text: 'bc', tokens: 7, pos: 6 },
    { type: 'tool-call', call: 'c1', name: 'n', arguments: '{}', pos: expect.any(Number) as number },
    { type: 'tool-result', call: 'c1', error: 'no', pos: expect.any(Number) as number },
    { type: 'text', text: 'd', tokens: 10, pos: 10 },
  ]);
  expect(socket.all('cancel')).toHaveLength(0);
  const late: string[] = [];
  for await (const part of mine) if (part.type === 'text') late.push(part.text);
  expect(late).toEqual(['abc', 'd']);
  expect(await mine.done).toMatchObject({
    text: 'abcd',
    reasoning: 'hmm',
    toolCalls: [{ call: 'c1', name: 'n', arguments: '{}', error: 'no' }],
  });
});

test('a reader that never reads costs no more than the text', async () => {
  const { socket, session } = await createScene().attached();
  const mine = session.send('hi');
  const iterator = mine[Symbol.asyncIterator]();
  socket.deliver({ ...accepted, turn: mine.id });
  for (let pos = 1; pos <= 10_000; pos++) socket.deliver(delta(pos, 'x', { turn: mine.id }));
  const lengths: number[] = [];
  socket.deliver(endedFrame(mine.id, 10_001));
  for await (const part of { [Symbol.asyncIterator]: () => iterator })
    if (part.type === 'text') lengths.push(part.text.length);
  expect(lengths).toEqual([4_096, 4_096, 1_808]);
});

test('what a restart dropped is left out of all but the iterations, which tell of it', async () => {
  const { socket, session } = await createScene().attached();
  socket.deliver(accepted, delta(1, 'keep '), delta(6, 'this is void'));
  const mine = session.turns.get(turn)!;
  const early = mine[Symbol.asyncIterator]();
  expect(await early.next()).toMatchObject({ value: { text: 'keep this is void' } });
  socket.deliver(
    delta(18, 'thought', { kind: 'reasoning' }),
    { t: 'tool.call', s: 0, pos: 25, turn, call: 'c1', name: 'n', arguments: '{}' },
    { t: 'tool.result', s: 0, pos: 26, turn, call: 'c1', output: 1 },
    { t: 'turn.restarted', s: 0, pos: 27, turn, from: 6, reason: 'upstream_timeout' },
  );
  expect(mine).toMatchObject({ partialText: 'keep ', partialReasoning: '', toolCalls: [] });
  socket.deliver(delta(28, 'that holds'));
  const sources = [{ url: 'https://example.com/a', title: 'A' }];
  socket.deliver(endedFrame(turn, 38, { sources }));
  expect(await mine.done).toMatchObject({ text: 'keep that holds', reasoning: '', toolCalls: [], sources });
  const rest: TurnPart[] = [];
  for (let part = await early.next(); !part.done; part = await early.next()) rest.push(part.value);
  expect(rest.map(({ type }) => type)).toEqual(['reasoning', 'tool-call', 'tool-result', 'restarted', 'text']);
  expect(rest[3]).toEqual({ type: 'restarted', from: 6, reason: 'upstream_timeout' });
  // one that comes later reads the same log
  const parts: string[] = [];
  for await (const part of mine) parts.push(part.type === 'text' ? part.text : part.type);
  expect(parts).toEqual(['keep this is void', 'reasoning', 'tool-call', 'tool-result', 'restarted', 'that holds']);
});

test('pins are known from the attach on and told as they change', async () => {
  const { socket, session } = await createScene().attached();
  socket.attached({ pinned: [turn] });
  expect([...session.pinned]).toEqual([turn]);
  const seen: unknown[] = [];
  session.on('pinned', (...change) => seen.push(change));
  socket.deliver({ t: 'pinned', s: 0, turn, pinned: false });
  expect(seen).toEqual([[turn, false]]);
  expect(session.pinned.size).toBe(0);
});
