import { expect, test } from 'vitest';
import type { Store } from '../../src/store/contract.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

/** A store that loses the answer to the claim of some turns; the claim itself runs when it is let. */
function createForgetfulStore(): { store: Store; lose(turn: string): { run(): Promise<unknown> } } {
  const memory = createMemoryStore();
  const lost = new Map<string, { request?: Parameters<Store['claim']>[0] }>();
  return {
    store: {
      ...memory,
      async claim(request) {
        const entry = lost.get(request.record.turn);
        if (entry === undefined || entry.request !== undefined) return memory.claim(request);
        entry.request = request;
        throw new StoreError('The answer was lost.');
      },
    },
    lose(turn) {
      const entry: { request?: Parameters<Store['claim']>[0] } = {};
      lost.set(turn, entry);
      return { run: () => memory.claim(entry.request!) };
    },
  };
}

async function start() {
  const { store, lose } = createForgetfulStore();
  const upstream = createScriptedUpstream();
  const gateway = await startTestGateway({ store, upstreamObjects: [upstream] });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, session: 'one', create: { settings: { onBusy: 'queue' } } });
  const [first, second] = [newTurnId(), newTurnId()];
  const claim = lose(first);
  const send = (id: string) => client.send({ t: 'turn', s: 0, id, input: `input of ${id}` });
  const answer = async (text: string): Promise<void> => {
    const { sink } = await upstream.nextCall();
    sink.onText(text);
    sink.onEnd('stop', 'stop');
  };
  const refused = (id: string) => client.next('error', (error) => error.turn === id);
  const ended = (id: string) => client.next('turn.ended', (end) => end.turn === id);
  return { client, upstream, gateway, first, second, claim, send, answer, refused, ended };
}

test('a claim that ran without an answer has its place before the turn that waits for it', async () => {
  const { client, first, second, claim, send, answer, refused, ended } = await start();
  send(first);
  expect(await refused(first)).toMatchObject({ code: 'store_unavailable', retryable: true });
  await claim.run();
  send(second);
  await answer('one');
  await answer('two');
  await ended(second);
  send(first);
  expect(await client.next('turn.state', (state) => state.turn === first && state.state === 'ended')).toMatchObject({
    status: 'completed',
  });
  expect([textOf(client.frames, first), textOf(client.frames, second)]).toEqual(['one', 'two']);
  checkContiguous(client.frames, 0, 0);
});

test('a claim that runs late, behind another turn, does not block the session', async () => {
  const { client, first, second, claim, send, answer, refused, ended } = await start();
  send(first);
  await refused(first);
  send(second);
  await client.next('turn.accepted', (accepted) => accepted.turn === second);
  await claim.run();
  await answer('two');
  await ended(second);
  // it is run: its client was told to send it again, and may still
  await answer('one');
  expect(await ended(first)).toMatchObject({ status: 'completed' });
  checkContiguous(client.frames, 0, 0);
});

test('a cancel finds a turn whose claim was not answered', async () => {
  const { client, upstream, first, claim, send, refused, ended } = await start();
  send(first);
  await refused(first);
  await claim.run();
  client.send({ t: 'cancel', ref: 5, s: 0, turn: first });
  expect(await client.next('cancelling', (answer) => answer.ref === 5)).not.toMatchObject({ upstream: 'ended' });
  expect(await ended(first)).toMatchObject({ status: 'cancelled' });
  for (const call of upstream.calls) expect(call.signal.aborted).toBe(true);
  checkContiguous(client.frames, 0, 0);
});

test('a cancel that came before holds, though the claim that heard of it was not answered', async () => {
  const { client, upstream, first, claim, send, refused, ended } = await start();
  client.send({ t: 'cancel', ref: 5, s: 0, turn: first });
  await client.next('cancelling');
  send(first);
  await refused(first);
  await claim.run();
  send(first);
  expect(await ended(first)).toMatchObject({ status: 'cancelled' });
  expect(upstream.calls).toHaveLength(0);
});
