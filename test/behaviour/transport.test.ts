import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createGateway } from '../../src/gateway/create-gateway.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';

describe.each(['uws', 'ws'] as const)('the transport %s', (transport) => {
  test('serves TLS by certificate files', async () => {
    const directory = temporaryDirectory();
    const [certificateFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        keyFile,
        '-out',
        certificateFile,
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
      ],
      { stdio: 'ignore' },
    );
    const gateway = await startTestGateway({ transport, tls: { certificateFile, keyFile } });
    expect(gateway.url).toMatch(/^https:/);
    const socket = new WebSocket(`wss://127.0.0.1:${gateway.port}/v1/socket`, 'parley.v1.json', {
      rejectUnauthorized: false,
    });
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    socket.send('{"t":"hello"}');
    const welcome = await new Promise<string>((resolve) =>
      socket.once('message', (data: Buffer) => resolve(data.toString())),
    );
    expect(JSON.parse(welcome)).toMatchObject({ t: 'welcome', v: 1 });
    socket.terminate();
  });

  test('notices a half-open peer and frees what it held, while its turn goes on', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({
      transport,
      upstreamObjects: [upstream],
      limits: { idleTimeoutSeconds: 8 },
    });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, session: 'half', create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' });
    const call = await upstream.nextCall();
    // the peer is gone without a word: nothing is read, no pong is sent
    (client.socket as unknown as { _socket: Socket })._socket.pause();
    while (gateway.stats().connections > 0) {
      call.sink.onText(' tick');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(call.signal.aborted).toBe(false);
    expect(gateway.stats()).toMatchObject({ sessions: 1, turns: 1 });
    client.socket.terminate();
  });

  test('closes the handshake of a page request and a socket that says nothing', async () => {
    const gateway = await startTestGateway({ transport, limits: { helloMs: 100 } });
    const answer = await fetch(`${gateway.url}/healthz`);
    expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
    expect((await fetch(`${gateway.url}/healthz`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${gateway.url}/healthz`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${gateway.url}/nothing`)).status).toBe(404);
    const silent = connect(gateway.port, '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    expect(gateway.stats().connections).toBe(0);
    silent.destroy();
  });
});

test('the port being taken is told in one sentence, for both transports', async () => {
  const gateway = await startTestGateway({});
  for (const transport of ['uws', 'ws'] as const) {
    const second = createGateway({ transport, port: gateway.port, data: temporaryDirectory(), logger: silentLogger });
    await expect(second).rejects.toThrow(
      `Port ${gateway.port} on 127.0.0.1 cannot be listened on; choose another with --port.`,
    );
  }
});

describe('a store that cannot be written', () => {
  test('holds running streams back, refuses new turns fast, and all is consistent afterwards', async () => {
    const inner = openEmbeddedStore({ directory: temporaryDirectory() });
    let broken = false;
    const check = async <Result>(action: () => Promise<Result>): Promise<Result> => {
      if (broken) throw new StoreError('out of order');
      return action();
    };
    const store = {
      ...inner,
      append: (...args: Parameters<typeof inner.append>) => check(() => inner.append(...args)),
      claim: (...args: Parameters<typeof inner.claim>) => check(() => inner.claim(...args)),
      end: (...args: Parameters<typeof inner.end>) => check(() => inner.end(...args)),
    };
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ upstreamObjects: [upstream], store });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, create: {} });
    await client.attach({ ref: 2, s: 1, create: {} });
    const turn = newTurnId();
    client.send({ t: 'turn', s: 0, id: turn, input: 'a' });
    const call = await upstream.nextCall();
    call.sink.onText('before');
    await client.next('delta');
    broken = true;
    call.sink.onText(' during');
    client.send({ t: 'turn', ref: 3, s: 1, id: newTurnId(), input: 'b' });
    expect(await client.next('error')).toMatchObject({ ref: 3, code: 'store_unavailable', retryable: true });
    call.sink.onText(' trouble');
    call.sink.onEnd('stop', 'stop');
    client.send({ t: 'ping', at: 1 });
    await client.next('pong');
    expect(textOf(client.frames, turn)).toBe('before');
    broken = false;
    expect(await client.next('turn.ended')).toMatchObject({ turn, status: 'completed' });
    expect(textOf(client.frames, turn)).toBe('before during trouble');
    checkContiguous(client.frames, 0, 0);
  });
});

test('one turn that fails inside the gateway leaves everything else alone', async () => {
  const upstream = createScriptedUpstream(answerWith(['fine']));
  const failing = { ...createScriptedUpstream(undefined, 'failing'), stream: () => expect.fail('a bug in an adapter') };
  const gateway = await startTestGateway({ upstreamObjects: [upstream, failing] });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, create: {} });
  client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a', route: 'failing' });
  const ended = await client.next('turn.ended');
  expect(ended).toMatchObject({ status: 'failed', reason: 'internal' });
  expect(JSON.stringify(ended)).not.toContain('adapter');
  client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' });
  expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
});

test.each(['uws', 'ws'] as const)(
  'a gateway over %s can be started again on the same port at once',
  async (transport) => {
    const first = await startTestGateway({ transport });
    const client = await RawClient.connect(first.url);
    await first.drain(0);
    await client.closed;
    const second = await startTestGateway({ transport, port: first.port });
    const again = await RawClient.connect(second.url);
    expect(second.port).toBe(first.port);
    await again.close();
  },
);
