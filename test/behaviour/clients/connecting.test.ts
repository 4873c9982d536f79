import { WebSocket } from 'ws';
import { expect, test, vi } from 'vitest';
import { connect } from '../../../clients/node/index.ts';
import { ProtocolError } from '../../../protocol/protocol-error.ts';
import { answerWith, createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { startTestGateway } from '../../support/test-gateway.ts';
import { openBrowserClient, openClient, whenState } from './support/clients.ts';

test('nobody there, a bad credential and an aborted signal reject', async () => {
  await expect(connect('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'connection_failed', retryable: true });
  await expect(connect('not a url')).rejects.toThrow(TypeError);
  const reason = new Error('enough');
  await expect(connect('http://127.0.0.1:1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const gateway = await startTestGateway({
    upstreamObjects: [createScriptedUpstream()],
    authenticate(auth) {
      if (auth === undefined || !('token' in auth) || auth.token !== 'good')
        throw new ProtocolError('unauthorized', 'Not you.');
      return { tenant: 'default', subject: 'someone', roles: ['chat', 'history', 'erase'] };
    },
  });
  await expect(connect(gateway.url)).rejects.toMatchObject({ code: 'unauthorized', message: 'Not you.' });
  const client = await openClient(`${gateway.url}/v1/socket`, { auth: async () => ({ token: 'good' }) });
  expect(client.welcome?.identity.subject).toBe('someone');
});

test('the client of the browser speaks to the gateway over the platform WebSocket', async () => {
  if (globalThis.WebSocket === undefined) {
    vi.stubGlobal('WebSocket', WebSocket);
  }
  try {
    const upstream = createScriptedUpstream(answerWith(['from ', 'a page 😀']));
    const gateway = await startTestGateway({ upstreamObjects: [upstream] });
    const client = await openBrowserClient(gateway.url.replace('http', 'ws'));
    const session = await client.session('page');
    expect(await session.send('hi').text()).toBe('from a page 😀');
    await client.close();
    expect(client.state).toBe('closed');
  } finally {
    vi.unstubAllGlobals();
  }
});

test('a gateway that drains keeps the running turn to its end', async () => {
  const upstream = createScriptedUpstream();
  const gateway = await startTestGateway({ upstreamObjects: [upstream] });
  const client = await openClient(gateway.url);
  const session = await client.session('drained');
  const turn = session.send('finish this');
  const call = await upstream.nextCall();
  call.sink.onText('almost');
  const draining = whenState(client, 'draining');
  const drained = gateway.drain(20_000);
  await draining;
  call.sink.onText(' done');
  call.sink.onEnd('stop', 'stop');
  expect(await turn.done).toMatchObject({ status: 'completed', text: 'almost done' });
  await drained;
  const kept = session.send('kept for later');
  expect(await client.close()).toEqual({ unsent: [{ session: 'drained', turn: kept.id, input: 'kept for later' }] });
});
