import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { believingBearers } from '../../support/bearer-identities.ts';
import { bearer, call } from '../../support/http-call.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startTestGateway, temporaryDirectory } from '../../support/test-gateway.ts';
import { type UsageQuery, UsageQueryError, type UsageReport } from '../../../src/ledger/contract.ts';
import type { GatewayOptions } from '../../../src/gateway/create-gateway.ts';

const sums = { attempts: 1, turns: 1, input: 2, output: 3, cached: 0, reasoning: 0, costUsd: 0.5, unpriced: 0 };
const report: UsageReport = {
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-01-02T00:00:00.000Z',
  groups: [{ by: { model: '=cmd|x', user: 'a,b' }, time: '2026-01-01T00:00:00.000Z', ...sums }],
  total: sums,
};
const admin = bearer('acme', 'ann', 'admin');

describe.each(['uws', 'ws'] as const)('usage and metrics, transport %s', (transport) => {
  async function start(options: GatewayOptions = {}) {
    const asked: UsageQuery[] = [];
    const queryUsage = async (query: UsageQuery): Promise<UsageReport> => {
      asked.push(query);
      if (query.groupBy.length > 3) throw new UsageQueryError('Group by fewer names.');
      return report;
    };
    const gateway = await startTestGateway({ transport, authenticate: believingBearers(), queryUsage, ...options });
    return { ...gateway, url: gateway.url, asked };
  }

  test('an admin asks for the tenant, an operator for all, everybody else for themselves', async () => {
    const { url, asked } = await start();
    const path = '/v1/usage?from=2026-01-01&to=2026-01-02&groupBy=model,user&interval=day&model=gpt-4o';
    const { status, body } = await call(url, path, { headers: admin });
    expect([status, body.data]).toEqual([200, report]);
    expect(asked.pop()).toEqual({
      tenant: 'acme',
      from: Date.UTC(2026, 0, 1),
      to: Date.UTC(2026, 0, 2),
      groupBy: ['model', 'user'],
      interval: 'day',
      filter: { model: 'gpt-4o' },
    });
    await call(url, '/v1/usage?tenant=other', { headers: bearer('acme', 'root', 'operator') });
    expect(asked.pop()).toMatchObject({ tenant: 'other' });
    await call(url, '/v1/usage', { headers: bearer('acme', 'bob', 'chat') });
    expect(asked.pop()).toMatchObject({ tenant: 'acme', filter: { user: 'bob' } });
    for (const [headers, query] of [
      [bearer('acme', 'bob', 'chat'), 'user=ann'],
      [bearer('acme', 'bob', 'chat'), 'tenant=other'],
      [admin, 'tenant=other'],
    ] as const)
      expect((await call(url, `/v1/usage?${query}`, { headers })).status).toBe(403);
    expect((await call(url, '/v1/usage')).status).toBe(401);
    expect(asked).toEqual([]);
  });

  test.each(['from=yesterday', 'from=now', 'groupBy=color', 'interval=week', 'format=xml'])(
    'a question with %s is refused by name',
    async (query) => {
      const { url } = await start();
      const { status, body } = await call(url, `/v1/usage?${query}`, { headers: admin });
      expect([status, body.errors[0].field]).toEqual([400, query.split('=')[0]]);
    },
  );

  test('one that is too large is told what to narrow', async () => {
    const { url } = await start();
    const { status, body } = await call(url, '/v1/usage?groupBy=model,user,key,team', { headers: admin });
    expect([status, body.code, body.detail]).toEqual([422, 'query_too_large', 'Group by fewer names.']);
  });

  test('comes as CSV by Accept or by name, without formulas', async () => {
    const { url } = await start();
    const csv =
      'time,model,user,attempts,turns,input,output,cached,reasoning,costUsd,unpriced\r\n' +
      `2026-01-01T00:00:00.000Z,'=cmd|x,"a,b",1,1,2,3,0,0,0.5,0\r\n`;
    const path = '/v1/usage?groupBy=model,user&interval=day';
    const byHeader = await call(url, path, { headers: { ...admin, accept: 'text/csv' } });
    expect([byHeader.text, byHeader.headers.get('content-type')]).toEqual([
      csv,
      'text/csv; charset=utf-8; header=present',
    ]);
    expect((await call(url, `${path}&format=csv`, { headers: admin })).text).toBe(csv);
    expect((await call(url, `${path}&format=json`, { headers: { ...admin, accept: 'text/csv' } })).body.data).toEqual(
      report,
    );
  });

  test('a gateway that is given no other ledger asks its own', async () => {
    const { url } = await startTestGateway({ transport, authenticate: believingBearers() });
    expect((await call(url, '/v1/models', { headers: bearer('acme', 'bob', 'chat') })).status).toBe(200);
    const { body } = await call(url, '/v1/usage', { headers: admin });
    expect(body.data).toMatchObject({ groups: [], total: { turns: 0, costUsd: 0 } });
  });

  test('metrics are for this machine, for the token and for admins', async () => {
    const token = 'a-token-of-the-scraper';
    const { url } = await start({ metrics: { enabled: true, token } });
    const client = await RawClient.connect(url, { headers: admin });
    await call(url, '/v1/sessions/some-secret-name', { headers: admin });
    const local = await call(url, '/metrics');
    expect([local.status, local.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect(local.text).toContain('parley_sockets 1');
    expect(local.text).toContain('parley_http_requests_total{route="/v1/sessions/{id}",method="GET",status="404"} 1');
    expect(local.text).toContain('process_cpu_seconds_total');
    for (const name of ['some-secret-name', 'acme', 'ann']) expect(local.text).not.toContain(name);
    const proxied = { 'x-forwarded-for': '192.0.2.1' };
    expect((await call(url, '/metrics', { headers: proxied })).status).toBe(401);
    expect((await call(url, '/metrics', { headers: { ...proxied, ...bearer('acme', 'bob', 'chat') } })).status).toBe(
      403,
    );
    expect((await call(url, '/metrics', { headers: { ...proxied, ...admin } })).status).toBe(200);
    const headers = { ...proxied, authorization: `Bearer ${token}` };
    expect((await call(url, '/metrics', { headers })).status).toBe(200);
    await client.close();
  });

  test('metrics that are not configured are not there', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
  });

  test('acts are noted in the audit file with who, what and the id of the request, and no secret', async () => {
    const file = join(temporaryDirectory(), 'audit.jsonl');
    const { url } = await start({ audit: { file } });
    const owner = bearer('acme', 'ann', 'chat', 'history', 'export', 'erase');
    const client = await RawClient.connect(url, { headers: owner });
    await client.attach({ ref: 1, s: 0, session: 'mine', create: {} });
    const headers = { ...owner, 'x-request-id': 'request-0001' };
    await call(url, '/v1/sessions/mine/export', { headers });
    await call(url, '/v1/sessions/mine', { method: 'DELETE', headers });
    await call(url, '/v1/keys', { headers });
    await call(url, '/v1/usage', { headers });
    await call(url, '/v1/sessions', { headers: { authorization: 'Bearer hunter2' } });
    const text = readFileSync(file, 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      {
        act: 'session.exported',
        tenant: 'acme',
        subject: 'ann',
        target: 'mine',
        request: 'request-0001',
        address: '127.0.0.1',
      },
      { act: 'session.erased', target: 'mine', request: 'request-0001' },
      { act: 'forbidden', target: 'listKeys', keyId: 'id-ann' },
      { act: 'usage.read' },
      { act: 'credential.refused' },
    ]);
    expect(text).not.toContain('hunter2');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('one line of log per request has neither path nor query', async () => {
    const lines: { request?: string }[] = [];
    const log = (fields: object): void => void lines.push(fields);
    const { url } = await start({
      logger: { debug: log, info: log, warn: log, error: log },
      log: { requestSample: 1 },
    });
    await call(url, '/v1/sessions/private-name?color=private', {
      headers: { ...admin, 'x-request-id': 'request-0002' },
    });
    const line = lines.find(({ request }) => request === 'request-0002');
    expect(line).toMatchObject({
      method: 'GET',
      route: '/v1/sessions/{id}',
      status: 400,
      tenant: 'acme',
      subject: 'ann',
    });
    expect(JSON.stringify(line)).not.toContain('private');
  });
});
