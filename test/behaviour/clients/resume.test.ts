import { describe, expect, test } from 'vitest';
import { answerWith, createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { startTestGateway, temporaryDirectory } from '../../support/test-gateway.ts';
import { clientMatrix, openClient, whenLive, whenState } from './support/clients.ts';
import { startProxy } from './support/proxy.ts';

describe.each(clientMatrix)('resume over $transport with $encoding', ({ transport, encoding }) => {
  test('connections cut in mid-stream cost no piece and repeat none', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const proxy = await startProxy(gateway.port);
    const client = await openClient(proxy.url, { encoding });
    const session = await client.session('cut');
    const turn = session.send('go');
    const call = await upstream.nextCall();
    let iterated = '';
    const reading = (async () => {
      for await (const part of turn) if (part.type === 'text') iterated += part.text;
    })();
    let whole = '';
    for (let round = 0; round < 3; round++) {
      const say = (text: string): void => {
        whole += text;
        call.sink.onText(text);
      };
      say(` round ${round} 😀`);
      const lost = whenState(client, 'offline');
      proxy.cut();
      say(' during');
      await lost;
      say(' away');
      client.check();
      await whenState(client, 'live');
      say(' back');
    }
    call.sink.onEnd('stop', 'stop');
    await reading;
    expect(iterated).toBe(whole);
    expect(await turn.text()).toBe(whole);
    expect(upstream.calls).toHaveLength(1);
  });

  test('turns sent while offline run once, and those never sent can be taken back', async () => {
    const upstream = createScriptedUpstream(answerWith(['ok']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const proxy = await startProxy(gateway.port);
    const client = await openClient(proxy.url, { encoding });
    const session = await client.session('offline');
    const lost = whenState(client, 'offline');
    proxy.cut();
    await lost;
    const turn = session.send('later');
    const regretted = session.send('never', { onBusy: 'queue' });
    expect(await regretted.cancel({ reason: 'regret' })).toMatchObject({
      status: 'cancelled',
      reason: 'regret',
      text: '',
    });
    client.check();
    expect(await turn.done).toMatchObject({ status: 'completed', text: 'ok' });
    expect((await session.history()).turns).toHaveLength(1);
  });

  test('a stored cursor goes on from where the page was', async () => {
    const upstream = createScriptedUpstream(answerWith(['first ', 'second']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const before = await openClient(gateway.url, { encoding });
    const session = await before.session('stored');
    await session.send('one').done;
    const { cursor, epoch } = session;
    const missed = session.send('two');
    await missed.done;
    const after = await openClient(gateway.url, { encoding });
    const resumed = await after.session('stored', undefined, { after: cursor, epoch });
    await whenLive(resumed);
    expect(resumed.outcome).toBe('resumed');
    expect([...resumed.turns.keys()]).toEqual([missed.id]);
    const foreign = await openClient(gateway.url, { encoding });
    const reset = await foreign.session('stored', undefined, { after: cursor, epoch: 'another' });
    expect(reset.outcome).toBe('snapshot');
    await whenLive(reset);
    expect(reset.turns.size).toBe(2);
    const fresh = await (await openClient(gateway.url, { encoding })).session('stored', undefined, { replay: 'new' });
    expect(fresh.cursor).toBe(resumed.cursor);
    const turn = fresh.send('three');
    expect(await turn.text()).toBe('first second');
    expect([...fresh.turns.keys()]).toEqual([turn.id]);
  });

  test('a gateway that goes and comes back on the same data finds everything intact', async () => {
    const data = temporaryDirectory();
    const first = await startTestGateway({
      transport,
      data,
      upstreamObjects: [createScriptedUpstream(answerWith(['one']))],
    });
    const { port, node } = first;
    const client = await openClient(first.url, { encoding });
    const session = await client.session('lasting');
    const done = session.send('1');
    await done.done;
    const hanging = createScriptedUpstream();
    const states: string[] = [];
    client.on('state', (state) => states.push(state));
    const away = whenState(client, 'offline');
    await first.close();
    await away;
    const waiting = session.send('2');
    const gateway = await startTestGateway({ transport, data, port, upstreamObjects: [hanging] });
    client.check();
    await whenState(client, 'live');
    expect(client.welcome!.node).not.toBe(node);
    const call = await hanging.nextCall();
    call.sink.onText('two');
    call.sink.onEnd('stop', 'stop');
    expect(await waiting.text()).toBe('two');
    expect(
      call.request.messages.map((message) =>
        'content' in message ? message.content : 'text' in message ? message.text : '',
      ),
    ).toEqual(['1', 'one', '2']);
    expect([...session.turns.keys()]).toEqual([done.id, waiting.id]);
    expect(states[0]).toBe('draining');
    expect(states.at(-1)).toBe('live');
    expect(gateway.stats()).toMatchObject({ connections: 1, sessions: 1 });
  });
});
