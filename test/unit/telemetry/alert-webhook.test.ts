import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { createAlertWebhook, type AlertWebhookOptions } from '../../../src/telemetry/alert-webhook.ts';
import type { Alert, Logger } from '../../../src/telemetry/contract.ts';

const secretBytes = Buffer.alloc(24, 7);
const secret = `whsec_${secretBytes.toString('base64')}`;
const alert: Alert = {
  limit: 'costUsdPerDay',
  scope: 'tenant',
  tenant: 'acme',
  threshold: 0.8,
  used: 8.1,
  max: 10,
  period: '2026-01-01T00:00:00Z',
};

/** A server that answers with these statuses, one after another and then the last. */
async function receiver(...statuses: number[]) {
  const requests: { headers: IncomingHttpHeaders; body: string; url: string | undefined }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const status = statuses[Math.min(requests.length, statuses.length - 1)]!;
      requests.push({ headers: request.headers, body, url: request.url });
      // an answer that never comes
      if (status === 0) return;
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=in-the-address` };
}

function sender(url: string, options: Partial<AlertWebhookOptions> = {}) {
  const lines: object[] = [];
  const log = (fields: object, message: string): void => void lines.push({ ...fields, message });
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  let ids = 0;
  const alerts = createAlertWebhook({
    url,
    secret,
    maxAttempts: 3,
    timeoutMs: 5_000,
    clock: systemClock,
    random: () => 0.5,
    newId: () => `id-${ids++}`,
    logger,
    retryMs: 10,
    ...options,
  });
  onTestFinished(() => alerts.close(0));
  return { alerts, lines };
}

describe('alerts as webhooks', () => {
  test('are signed so that the receiver can check them', async () => {
    const { requests, url } = await receiver(204);
    sender(url).alerts.send(alert);
    await expect.poll(() => requests).toHaveLength(1);
    const { headers, body } = requests[0]!;
    expect(JSON.parse(body)).toMatchObject({ type: 'limit.alert', data: alert });
    const signed = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.');
    const signature = createHmac('sha256', secretBytes).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(headers['webhook-timestamp']).toMatch(/^\d{10}$/);
  });

  test('are sent again with the same id after a failure that may pass', async () => {
    const { requests, url } = await receiver(503, 429, 200);
    const { alerts, lines } = sender(url);
    alerts.send({ id: 'the-event', ...alert });
    await expect.poll(() => requests).toHaveLength(3);
    expect(new Set(requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['the-event']));
    await alerts.close(5_000);
    expect([requests.length, lines]).toEqual([3, []]);
  });

  test.each([[500], [0]])(
    'are given up after the last attempt (answer %i), and no secret is logged',
    async (status) => {
      const { requests, url } = await receiver(status);
      const { alerts, lines } = sender(url, { timeoutMs: 50 });
      alerts.send(alert);
      await expect.poll(() => lines).toHaveLength(1);
      expect(requests).toHaveLength(3);
      expect(lines[0]).toMatchObject({ webhook: 'id-0', attempts: 3 });
      for (const hidden of ['in-the-address', secret, 'acme']) expect(JSON.stringify(lines)).not.toContain(hidden);
    },
  );

  test.each([400, 404, 410, 302])('answered with %i are not sent again, nor elsewhere', async (status) => {
    const { requests, url } = await receiver(status);
    const { alerts, lines } = sender(url);
    alerts.send(alert);
    await expect.poll(() => lines).toHaveLength(1);
    expect(requests.map((request) => request.url)).toEqual(['/hook?token=in-the-address']);
  });

  test('a receiver that cannot be reached bounds what waits', async () => {
    const { alerts, lines } = sender('http://127.0.0.1:9/', { retryMs: 60_000 });
    for (let i = 0; i < 1_005; i++) alerts.send(alert);
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatchObject({ limit: 'costUsdPerDay' });
  });

  test('the end waits for what is on its way, and no longer than it may', async () => {
    const { requests, url } = await receiver(200);
    const { alerts } = sender(url);
    alerts.send(alert);
    await alerts.close(5_000);
    expect(requests).toHaveLength(1);
    alerts.send(alert);
    const { requests: silent, url: silentUrl } = await receiver(0);
    const hanging = sender(silentUrl);
    hanging.alerts.send(alert);
    await expect.poll(() => silent).toHaveLength(1);
    await hanging.alerts.close(10);
    expect(hanging.lines).toContainEqual(expect.objectContaining({ alerts: 1 }));
    expect(requests).toHaveLength(1);
  });
});
