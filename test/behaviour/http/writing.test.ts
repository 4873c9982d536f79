import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { believingBearers } from '../../support/bearer-identities.ts';
import { bearer, call } from '../../support/http-call.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startTestGateway } from '../../support/test-gateway.ts';
import type { GatewayOptions } from '../../../src/gateway/create-gateway.ts';
import { openEmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import type { RecordStore } from '../../../src/store/record-contract.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

const admin = bearer('acme', 'ann', 'admin');
const key = 'b8a0a8c2-0f67-4d62-a5d0-000000000001';

/** Sends bytes as they are; answers what came until the connection ended or an answer was whole. */
async function exchange(port: number, send: (socket: Socket) => void): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  await new Promise<void>((resolve) => {
    socket.once('connect', () => send(socket));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (/\r\n\r\n\{.*\}$/s.test(text)) resolve();
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
  socket.destroy();
  return text;
}

describe.each(['uws', 'ws'] as const)('writing over HTTP, transport %s', (transport) => {
  const start = (options: GatewayOptions = {}) =>
    startTestGateway({ transport, authenticate: believingBearers(), ...options });

  test('keys are made, listed in pages, rotated and revoked, each tenant its own', async () => {
    const { url } = await start();
    const made = [];
    for (const name of ['a', 'b', 'c'])
      made.push(
        (await call(url, '/v1/keys', { method: 'POST', headers: admin, body: { name, roles: ['user'] } })).body.data,
      );
    const foreign = bearer('other', 'eve', 'admin');
    await call(url, '/v1/keys', { method: 'POST', headers: foreign, body: { name: 'theirs', roles: ['user'] } });
    const first = await call(url, '/v1/keys?limit=2', { headers: admin });
    const second = await call(url, `/v1/keys?limit=2&cursor=${first.body.next}`, { headers: admin });
    const listed = [...first.body.data, ...second.body.data].map(({ name }: { name: string }) => name);
    expect(listed.sort()).toEqual(['a', 'b', 'c']);
    expect(first.text).not.toContain(made[0].secret);
    const { id } = made[0].key;
    const rotated = await call(url, `/v1/keys/${id}/rotate`, { method: 'POST', headers: admin });
    expect(rotated.body.data.secret).not.toBe(made[0].secret);
    for (const [method, path] of [
      ['POST', `/v1/keys/${id}/rotate`],
      ['DELETE', `/v1/keys/${id}`],
      ['DELETE', '/v1/keys/nothing'],
    ] as const) {
      const answer = await call(url, path, { method, headers: foreign });
      expect([answer.status, answer.body.detail]).toEqual([404, 'There is no such key.']);
    }
    const revoked = await call(url, `/v1/keys/${id}`, { method: 'DELETE', headers: admin });
    expect(revoked.body.data.key.revokedAt).toBeGreaterThan(0);
    expect((await call(url, '/v1/keys', { headers: bearer('acme', 'bob', 'chat') })).status).toBe(403);
  });

  test('a ticket opens one socket', async () => {
    const { url } = await start();
    const headers = bearer('acme', 'bob', 'chat');
    const { status, body } = await call(url, '/v1/tickets', { method: 'POST', headers, body: { ttlSeconds: 30 } });
    expect(status).toBe(201);
    const client = await RawClient.open(url, { protocols: ['parley.v1.msgpack', `ticket.${body.data.ticket}`] });
    client.send({ t: 'hello' });
    expect(await client.next('welcome')).toMatchObject({ identity: { tenant: 'acme', subject: 'bob' } });
    const more = { method: 'POST', headers, body: { roles: ['admin'] } };
    expect((await call(url, '/v1/tickets', more)).status).toBe(403);
  });

  test.each([
    ['{"name":', 400, 'malformed_message', 'application/json'],
    ['\u00ff\u00fe', 400, 'malformed_message', 'application/json'],
    ['{"name":"a"}', 415, 'unsupported_media_type', 'text/plain'],
    ['{"name":"a"}', 415, 'unsupported_media_type', 'application/json; charset=latin1'],
    ['[]', 400, 'invalid_frame', 'application/json'],
    ['{"name":"","roles":["user"]}', 400, 'invalid_frame', 'application/json'],
    ['{"name":"a","color":"red"}', 400, 'invalid_frame', 'application/json'],
    ['{"name":"a","__proto__":{"x":1}}', 400, 'invalid_frame', 'application/json'],
    ['', 400, 'invalid_frame', 'application/json'],
  ])('the body %j is refused with %i %s', async (body, status, code, type) => {
    const { url } = await start();
    const answer = await fetch(`${url}/v1/keys`, {
      method: 'POST',
      headers: { ...admin, 'content-type': type },
      body: Buffer.from(body, 'latin1'),
    });
    const problem = (await answer.json()) as { code: string; detail: string };
    expect([answer.status, problem.code]).toEqual([status, code]);
    if (body.includes('color')) expect(problem.detail).toContain('color');
    if (body.includes('""')) expect(problem.detail).toContain('“name”');
  });

  test('a body over the limit is refused, declared or not', async () => {
    const gateway = await start({ limits: { maxBodyBytes: 1_000 } });
    const head = `POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: ${admin.authorization}\r\ncontent-type: application/json\r\n`;
    const declared = await exchange(gateway.port, (socket) => socket.write(`${head}content-length: 5000\r\n\r\n{`));
    expect(declared).toMatch(/^HTTP\/1.1 413 /);
    expect(declared).toMatch(/connection: close/i);
    const chunked = await exchange(gateway.port, (socket) =>
      socket.write(`${head}transfer-encoding: chunked\r\n\r\n7d0\r\n${'a'.repeat(2_000)}\r\n`),
    );
    expect(chunked).toMatch(/^HTTP\/1.1 413 [\s\S]*"code":"input_too_large"/);
  });

  test('a body that does not come is waited for no longer than it may', async () => {
    const gateway = await start({ limits: { bodyMs: 100 } });
    const head = `POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: ${admin.authorization}\r\ncontent-type: application/json\r\n`;
    const slow = await exchange(gateway.port, (socket) => socket.write(`${head}content-length: 50\r\n\r\n{"na`));
    expect(slow).toMatch(/^HTTP\/1.1 408 [\s\S]*"code":"request_timeout"/);
  });

  test('one who goes away while its body comes leaves nothing behind', async () => {
    const gateway = await start();
    const head = `POST /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: ${admin.authorization}\r\ncontent-type: application/json\r\n`;
    await exchange(gateway.port, (socket) => {
      socket.write(`${head}content-length: 50\r\n\r\n{"na`);
      setTimeout(() => socket.destroy(), 50);
    });
    expect((await call(gateway.url, '/v1/keys', { headers: admin })).body.data).toEqual([]);
  });

  test('a repeated request with its Idempotency-Key is done once and answered alike', async () => {
    const gateway = await start();
    const { url } = gateway;
    const request = { method: 'POST', headers: { ...admin, 'idempotency-key': key }, body: { name: 'once' } };
    const first = await call(url, '/v1/keys', request);
    const again = await call(url, '/v1/keys', request);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect([again.status, again.body.data]).toEqual([201, first.body.data]);
    expect((await call(url, '/v1/keys', { headers: admin })).body.data).toHaveLength(1);
    const other = await call(url, '/v1/keys', { ...request, body: { name: 'another' } });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_conflict']);
    // the key of another caller is another key
    const bob = await call(url, '/v1/keys', {
      ...request,
      headers: { ...bearer('acme', 'bob', 'admin'), 'idempotency-key': key },
    });
    expect([bob.status, bob.headers.get('idempotency-replayed')]).toEqual([201, null]);
    const short = await call(url, '/v1/keys', { ...request, headers: { ...admin, 'idempotency-key': 'short' } });
    expect([short.status, short.body.errors[0].field]).toEqual([400, 'idempotency-key']);
  });

  test('what is kept for a repeated request shows no secret to whoever reads the store', async () => {
    const inner = openEmbeddedStore({ directory: temporaryDirectory() });
    const written: string[] = [];
    const records: RecordStore = {
      ...inner.records,
      write(collection, id, value, options) {
        written.push(`${collection} ${id} ${value}`);
        return inner.records.write(collection, id, value, options);
      },
    };
    const { url } = await start({ store: { ...inner, records } });
    const request = { method: 'POST', headers: { ...admin, 'idempotency-key': key }, body: { name: 'hidden' } };
    const { body } = await call(url, '/v1/keys', request);
    const kept = written.filter((line) => line.startsWith('http:idempotency:acme '));
    expect(kept).toHaveLength(2);
    expect(written.join('\n')).not.toContain(body.data.secret);
    expect(written.join('\n')).not.toContain(key);
    expect(kept.join('\n')).not.toContain('hidden');
  });

  test('of two at once with one Idempotency-Key the second may try again; a failure is not kept', async () => {
    const inner = openEmbeddedStore({ directory: temporaryDirectory() });
    let release = (): void => {};
    let fails = true;
    const records: RecordStore = {
      ...inner.records,
      async write(collection, id, value, options) {
        if (collection === 'keys') {
          await new Promise<void>((resolve) => (release = resolve));
          if (fails) throw new Error('a fault');
        }
        return inner.records.write(collection, id, value, options);
      },
    };
    const { url } = await start({ store: { ...inner, records } });
    const request = { method: 'POST', headers: { ...admin, 'idempotency-key': key }, body: { name: 'once' } };
    const first = call(url, '/v1/keys', request);
    const second = async (): Promise<number> => (await call(url, '/v1/keys', request)).status;
    await expect.poll(second).toBe(409);
    const busy = await call(url, '/v1/keys', request);
    expect([busy.body.code, busy.body.retryable, busy.headers.get('retry-after')]).toEqual([
      'request_in_progress',
      true,
      '1',
    ]);
    release();
    expect((await first).status).toBe(500);
    fails = false;
    const retried = call(url, '/v1/keys', request);
    await expect.poll(second).toBe(409);
    release();
    expect((await retried).status).toBe(201);
  });
});
