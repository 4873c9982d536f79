import { describe, expect, test } from 'vitest';
import type { Turn } from '../../../clients/node/index.ts';
import { createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { startTestGateway } from '../../support/test-gateway.ts';
import { clientMatrix, openClient } from './support/clients.ts';

describe.each(clientMatrix)('two clients over $transport with $encoding', ({ transport, encoding }) => {
  test('a turn begun elsewhere is seen, joined in the middle, and cancelled from here', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const one = await (await openClient(gateway.url, { encoding })).session('shared');
    const mine = one.send('hello');
    const call = await upstream.nextCall();
    call.sink.onText('said before');
    await firstPart(mine, 'text');
    const two = await (await openClient(gateway.url, { encoding })).session('shared', undefined, { replay: 'new' });
    const theirs = two.turns.get(mine.id) ?? (await new Promise<Turn>((resolve) => two.on('turn', resolve)));
    expect(theirs.id).toBe(mine.id);
    expect(theirs.input).toBe('hello');
    call.sink.onText(', said after');
    expect(await theirs.cancel({ reason: 'other tab' })).toMatchObject({ status: 'cancelled' });
    const [a, b] = await Promise.all([mine.done, theirs.done]);
    expect(a).toEqual(b);
    expect(a.text).toMatch(/^said before/);
    await call.aborted;
  });

  test('presence counts those who follow', async () => {
    const gateway = await startTestGateway({ transport, upstreamObjects: [createScriptedUpstream()] });
    const one = await (await openClient(gateway.url, { encoding })).session('crowd');
    const two = new Promise((resolve) => one.on('presence', ({ writers }) => writers === 2 && resolve(writers)));
    const other = await openClient(gateway.url, { encoding });
    await other.session('crowd');
    await two;
    const alone = new Promise((resolve) => one.on('presence', ({ writers }) => writers === 1 && resolve(writers)));
    await other.close();
    await alone;
    expect(one.presence).toEqual({ writers: 1, viewers: 0 });
  });

  test('closing a client cancels nothing', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await openClient(gateway.url, { encoding });
    const turn = (await client.session('left')).send('go on');
    const call = await upstream.nextCall();
    await turn.accepted;
    expect(await client.close()).toEqual({ unsent: [] });
    await expect(turn.done).rejects.toMatchObject({ code: 'closed' });
    call.sink.onText('kept');
    call.sink.onEnd('stop', 'stop');
    const session = await (await openClient(gateway.url, { encoding })).session('left');
    const again = session.turns.get(turn.id) ?? (await new Promise<Turn>((resolve) => session.on('turn', resolve)));
    expect(await again.text()).toBe('kept');
  });
});

async function firstPart(turn: Turn, type: string): Promise<void> {
  for await (const part of turn) if (part.type === type) return;
}
