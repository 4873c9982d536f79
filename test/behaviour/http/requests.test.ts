import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { believingBearers } from '../../support/bearer-identities.ts';
import { bearer, call } from '../../support/http-call.ts';
import { startTestGateway } from '../../support/test-gateway.ts';
import type { GatewayOptions } from '../../../src/gateway/create-gateway.ts';

const admin = bearer('acme', 'ann', 'chat', 'history', 'export', 'erase', 'admin');

/** Sends bytes as they are and answers everything that comes until the connection ends or `until` is there. */
function raw(port: number, bytes: string, until = /\r\n\r\n[\s\S]*}$/): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const done = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (until.test(text)) done();
    });
    socket.on('close', done);
    socket.on('error', reject);
  });
}

describe.each(['uws', 'ws'] as const)('requests over HTTP, transport %s', (transport) => {
  const start = (options: GatewayOptions = {}) =>
    startTestGateway({
      transport,
      authenticate: believingBearers({ slow: { limits: { requestsPerMinute: 2 } } }),
      ...options,
    });

  test('an answer has an id, of the client where that is sane', async () => {
    const { url } = await start();
    const own = await call(url, '/v1/models', { headers: { ...admin, 'x-request-id': 'trace-1234' } });
    expect(own.body.requestId).toBe('trace-1234');
    const odd = await call(url, '/v1/models', { headers: { ...admin, 'x-request-id': 'a b"; drop' } });
    expect(odd.body.requestId).toMatch(/^[0-9A-Z]{26}$/);
    expect(odd.headers.get('cache-control')).toBe('no-store');
    expect(odd.body.data[0]).toMatchObject({ model: 'practice', isDefault: true });
  });

  test.each([
    ['GET', '/v1/nothing', 404, 'not_found'],
    ['GET', '/v1/', 404, 'not_found'],
    ['GET', '/v1/sessions/', 404, 'not_found'],
    ['PUT', '/v1/sessions', 405, 'method_not_allowed'],
    ['POST', '/v1/sessions/x', 405, 'method_not_allowed'],
    ['GET', '/v1/sessions/%E0%A4%A', 400, 'invalid_frame'],
    ['GET', '/v1/sessions?limit=%zz', 400, 'invalid_frame'],
    ['GET', '/v1/sessions?limit=0', 400, 'invalid_frame'],
    ['GET', '/v1/sessions?limit=1&limit=2', 400, 'invalid_frame'],
    ['GET', '/v1/sessions?color=red', 400, 'invalid_frame'],
    ['GET', '/v1/sessions?__proto__=1', 400, 'invalid_frame'],
    ['GET', '/v1/sessions?cursor=nonsense', 400, 'invalid_frame'],
    ['GET', '/v1/sessions/x/turns?cursor=-1', 400, 'invalid_frame'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const { url } = await start();
    const answer = await call(url, path, { method, headers: admin });
    expect([answer.status, answer.body.code, answer.body.type]).toEqual([status, code, `urn:parley:problem:${code}`]);
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET, .*OPTIONS/);
    if (code === 'invalid_frame') expect(answer.body.errors[0].message).toMatch(/./);
  });

  test('HEAD is answered as GET without the body, OPTIONS with the methods', async () => {
    const { url } = await start();
    const get = await call(url, '/v1/models', { headers: admin });
    const head = await call(url, '/v1/models', { method: 'HEAD', headers: admin });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String(get.text.length));
    const options = await call(url, '/v1/sessions/x', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, DELETE, HEAD, OPTIONS']);
    expect((await call(url, '/v1/sessions/x/export', { method: 'HEAD', headers: admin })).status).toBe(404);
    // the connection is good for another request
    expect((await call(url, '/v1/models', { headers: admin })).status).toBe(200);
  });

  test('an answer that nobody accepts is refused', async () => {
    const { url } = await start();
    const answer = await call(url, '/v1/models', { headers: { ...admin, accept: 'text/html' } });
    expect([answer.status, answer.body.code]).toEqual([406, 'not_acceptable']);
    expect((await call(url, '/v1/models', { headers: { ...admin, accept: 'text/html, */*;q=0.1' } })).status).toBe(200);
  });

  test('pages of listed origins may ask, with a preflight; others are refused whatever they ask', async () => {
    const { url } = await start({ origins: ['https://chat.example'] });
    const origin = 'https://chat.example';
    const preflight = await call(url, '/v1/models', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
    });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      'access-control-allow-headers': expect.stringContaining('authorization'),
      vary: expect.stringContaining('origin'),
    });
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false);
    const answer = await call(url, '/v1/models', { headers: { ...admin, origin } });
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id');
    const refusal = await call(url, '/v1/models', { headers: { origin } });
    expect([refusal.status, refusal.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
    for (const method of ['GET', 'OPTIONS']) {
      const foreign = await call(url, '/v1/models', { method, headers: { ...admin, origin: 'https://evil.example' } });
      expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    }
    expect((await fetch(`${url}/healthz`, { headers: { origin: 'https://evil.example' } })).status).toBe(200);
  });

  test('an address has so many requests a minute, and a refused credential costs more', async () => {
    const { url } = await start({ http: { requestsPerMinute: 43 } });
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) seen.push((await call(url, '/v1/models')).status);
    expect(seen).toEqual([401, 401, 401, 429]);
    const limited = await call(url, '/v1/nothing');
    expect([limited.status, limited.body.code, limited.body.retryable]).toEqual([429, 'rate_limited', true]);
    expect(Number(limited.headers.get('retry-after'))).toBe(Math.ceil(limited.body.retryAfterMs / 1_000));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('a credential has its own limit', async () => {
    const { url } = await start();
    const slow = bearer('acme', 'slow', 'chat');
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) seen.push((await call(url, '/v1/models', { headers: slow })).status);
    expect(seen).toEqual([200, 200, 429]);
    expect((await call(url, '/v1/models', { headers: admin })).status).toBe(200);
  });

  test('a fault inside is told without its cause, and logged with the id', async () => {
    const lines: object[] = [];
    const log = (fields: object): void => void lines.push(fields);
    const { url } = await start({
      logger: { debug: log, info: log, warn: log, error: log },
      authenticate: () => {
        throw new Error('the password is hunter2');
      },
    });
    const { status, body, text } = await call(url, '/v1/models', { headers: { 'x-request-id': 'find-me-1' } });
    expect([status, body.code]).toEqual([500, 'internal']);
    expect(text).not.toContain('hunter2');
    expect(lines).toContainEqual(expect.objectContaining({ request: 'find-me-1', route: '/v1/models', status: 500 }));
  });

  test('a malformed request line or header ends its connection alone', async () => {
    const gateway = await start();
    await raw(gateway.port, 'GET /v1/models HTTP/1.1\r\nhost: x\r\nno colon here\r\n\r\n', /\r\n\r\n/);
    await raw(gateway.port, `GET /v1/models HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(100_000)}\r\n\r\n`, /\r\n\r\n/);
    expect((await call(gateway.url, '/v1/models', { headers: admin })).status).toBe(200);
  });
});
