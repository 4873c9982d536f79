import { describe, expect, test } from 'vitest';
import { checkContiguous, isEvent, textOf, transcript } from '../support/assembled-text.ts';
import { matrix } from '../support/matrix.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

const pieces = ['The ', '😀 smile', ' — naïve', ' café', ' 中文', ' and 👩‍👩‍👧 family', '.'];

describe.each(matrix)('resume over $transport with $encoding', ({ transport, encoding }) => {
  test('an attach at every position of a recorded session gives the same text', async () => {
    const upstream = createScriptedUpstream(answerWith(pieces));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const attached = await client.attach({ ref: 1, s: 0, session: 'recorded', create: {} });
    const turns = [newTurnId(), newTurnId(), newTurnId()];
    client.send({ t: 'turn', s: 0, id: turns[0]!, input: 'one' });
    client.send({ t: 'turn', s: 0, id: turns[1]!, input: 'two', onBusy: 'queue' });
    await client.next('turn.ended', (end) => end.turn === turns[1]);
    client.send({ t: 'turn', s: 0, id: turns[2]!, input: 'three' });
    await client.next('turn.ended', (end) => end.turn === turns[2]);
    const head = checkContiguous(client.frames, 0, 0);
    const whole = transcript(client.frames, 0);
    const reader = await RawClient.connect(gateway.url, { encoding });
    for (let after = 0; after <= head; after++) {
      const start = reader.frames.length;
      const answer = await reader.attach({
        ref: after + 10,
        s: after,
        session: 'recorded',
        epoch: attached.epoch,
        after,
      });
      const replay = reader.frames.slice(start);
      expect(checkContiguous(replay, after, answer.from)).toBe(head);
      // what a client holds before its cursor, and what the server sends from `from` on
      const held = answer.outcome === 'snapshot' ? [] : cutAt(client.frames.filter(isEvent), after);
      const seen = [...held, ...replay.filter(isEvent).map((event) => ({ ...event, s: 0 }))];
      expect(transcript(seen, 0)).toEqual(whole);
      if (answer.outcome === 'resumed') expect(answer.from).toBe(after);
      reader.send({ t: 'detach', s: after });
    }
  });

  test('an attach during the stream misses and repeats nothing', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const attached = await client.attach({ ref: 1, s: 0, session: 'running', create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'go' });
    const call = await upstream.nextCall();
    const others: RawClient[] = [];
    for (let i = 0; i < 30; i++) {
      call.sink.onText(` piece ${i}`);
      const other = await RawClient.open(gateway.url, { encoding });
      // hello and attach in one message: one round trip
      other.send({ t: 'hello' }, { t: 'attach', ref: 1, s: 4, session: 'running', epoch: attached.epoch, after: 0 });
      others.push(other);
    }
    call.sink.onEnd('stop', 'stop');
    const text = Array.from({ length: 30 }, (_, i) => ` piece ${i}`).join('');
    for (const other of others) {
      await other.next('turn.ended');
      checkContiguous(other.frames, 4, 0);
      expect(textOf(other.frames, turn)).toBe(text);
    }
  });

  test('a cursor of the future, of another epoch or inside a character is told as snapshot', async () => {
    const upstream = createScriptedUpstream(answerWith(['a😀b']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const { epoch } = await client.attach({ ref: 1, s: 0, session: 'cursors', create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'x' });
    await client.next('turn.ended');
    const delta = client.all('delta')[0]!;
    const cases = [
      { epoch, after: 1_000_000, outcome: 'snapshot' },
      { epoch: 'other', after: 2, outcome: 'snapshot' },
      { epoch, after: delta.pos + 2, outcome: 'snapshot' },
      { epoch, after: delta.pos + 1, outcome: 'resumed' },
      { epoch, after: delta.pos + 3, outcome: 'resumed' },
    ];
    for (const [i, { outcome, ...cursor }] of cases.entries()) {
      const answer = await client.attach({ ref: 10 + i, s: 10 + i, session: 'cursors', ...cursor });
      expect(answer).toMatchObject({ outcome, from: outcome === 'snapshot' ? 0 : cursor.after });
    }
  });

  test('sessions survive a restart of the gateway', async () => {
    const upstream = createScriptedUpstream(answerWith(['kept']));
    const first = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(first.url, { encoding });
    await client.attach({ ref: 1, s: 0, session: 'lasting', create: { settings: { system: 'S' } } });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'x' });
    await client.next('turn.ended');
    expect(first.stats()).toMatchObject({ connections: 1, sessions: 1, turns: 0 });
  });
});

function cutAt<Event extends { t: string; pos: number }>(events: readonly Event[], position: number): Event[] {
  return events
    .filter((event) => event.pos < position)
    .map((event) => {
      const text = (event as { text?: string }).text;
      return event.t === 'delta' && text !== undefined
        ? { ...event, text: text.slice(0, position - event.pos) }
        : event;
    });
}
