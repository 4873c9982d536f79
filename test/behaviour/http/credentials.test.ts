import { describe, expect, test } from 'vitest';
import { createAuditTrail } from '../../support/audit-trail.ts';
import { canary, createBadCredentials } from '../../support/bad-credentials.ts';
import { createCredentialScene } from '../../support/credential-scene.ts';
import { call } from '../../support/http-call.ts';
import { declaredRoutes } from '../../support/openapi-document.ts';
import { startTestGateway } from '../../support/test-gateway.ts';

const scene = createCredentialScene();
const asked = declaredRoutes
  .filter(({ access }) => access !== 'public')
  .map(({ method, path }) => ({ method, path: path.replace('{id}', 'some-id') }));

describe.each(['uws', 'ws'] as const)('credentials over HTTP, transport %s', (transport) => {
  const start = async () => {
    const trail = createAuditTrail();
    const gateway = await startTestGateway({
      auth: scene.auth,
      transport,
      audit: trail.audit,
      logger: trail.logger,
      http: { requestsPerMinute: 1_000_000 },
      queryUsage: () => expect.fail('nobody was let in'),
    });
    return { gateway, trail, url: gateway.url };
  };

  test('every bad one is refused alike on every route, and nothing of it is logged', async () => {
    const { gateway, trail, url } = await start();
    const shapes = new Set<string>();
    for (const [i, { text, name }] of (await createBadCredentials(scene, gateway)).entries()) {
      // longer headers are refused before anybody reads them
      if (text.length > 4_096) continue;
      const { method, path } = asked[i % asked.length]!;
      const { status, body, headers } = await call(url, path, { method, headers: { authorization: `Bearer ${text}` } });
      expect([status, headers.get('www-authenticate')], name).toEqual([
        401,
        'Bearer realm="parley", error="invalid_token"',
      ]);
      shapes.add(JSON.stringify({ ...body, requestId: '' }));
      if (text.length > 20) expect(trail.text().includes(text.slice(-20)), name).toBe(false);
    }
    expect([...shapes]).toHaveLength(1);
    expect(trail.text()).not.toContain(canary);
  });

  test('no route answers without one', async () => {
    const { url } = await start();
    for (const { method, path } of asked) {
      const { status, headers } = await call(url, path, { method });
      expect([status, headers.get('www-authenticate')], `${method} ${path}`).toEqual([401, 'Bearer realm="parley"']);
    }
    expect((await call(url, '/v1/openapi.json')).body.openapi).toBe('3.1.0');
  });

  test('a key is good until it is revoked, and a token until it ends', async () => {
    const { gateway, url } = await start();
    const { key, secret } = await gateway.keys.create('operator', { name: 'k', tenant: 'acme', roles: ['user'] });
    const headers = { authorization: `Bearer ${secret}` };
    expect((await call(url, '/v1/models', { headers })).status).toBe(200);
    expect((await call(url, '/v1/keys', { headers })).status).toBe(403);
    await gateway.keys.revoke('operator', key.id);
    expect((await call(url, '/v1/models', { headers })).status).toBe(401);
    const token = { authorization: `Bearer ${await scene.token()}` };
    expect((await call(url, '/v1/models', { headers: token })).status).toBe(200);
  });
});
