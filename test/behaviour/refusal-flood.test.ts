import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { call } from '../support/http-call.ts';
import { RawClient } from '../support/raw-client.ts';
import { refusalOf } from '../support/say-hello.ts';
import { startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';

test('credentials that are refused again and again are counted, and do not fill the audit log', async () => {
  const file = join(temporaryDirectory(), 'audit.jsonl');
  const key = 'a-key-of-more-than-twenty-letters';
  const gateway = await startTestGateway({
    auth: { keys: [{ name: 'k', key, roles: ['user'] }] },
    audit: { file },
    metrics: { enabled: true },
  });
  for (let i = 0; i < 20; i++) await refusalOf(gateway.url, { key: `guess-${i}` });
  const client = await RawClient.connect(gateway.url, { headers: { authorization: `Bearer ${key}` } });
  client.send({ t: 'auth', ref: 1, token: 'guess' });
  expect(await client.next('error')).toMatchObject({ ref: 1, code: 'unauthorized' });
  await client.close();
  const { status } = await call(gateway.url, '/v1/sessions', { headers: { authorization: 'Bearer guess' } });
  expect(status).toBe(401);
  const { text } = await call(gateway.url, '/metrics');
  expect(text).toContain('parley_auth_refusals_total{door="socket"} 21\n');
  expect(text).toContain('parley_auth_refusals_total{door="http"} 1\n');
  await gateway.close();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { act: string; reason: string; count?: number });
  expect(entries).toMatchObject([
    { act: 'credential.refused', address: '127.0.0.1', reason: 'malformed key' },
    { act: 'credential.refused', address: '127.0.0.1', reason: 'malformed key', count: 21 },
  ]);
  expect(lines.join('')).not.toContain('guess');
});
