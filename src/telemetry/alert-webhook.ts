import { createHmac } from 'node:crypto';
import { fullJitterMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Alert, AlertSender, Logger } from './contract.ts';

export interface AlertWebhookOptions {
  /** From the configuration alone: redirects are not followed. */
  url: string;
  /** `whsec_` and base64; unsigned without. */
  secret?: string | undefined;
  maxAttempts: number;
  timeoutMs: number;
  clock: Clock;
  random(): number;
  newId(): string;
  logger: Logger;
  /** Wait before the second attempt at most; it doubles with each further one. */
  retryMs?: number | undefined;
}

interface Delivery {
  id: string;
  body: string;
  attempts: number;
}

const maxQueued = 1_000;
const maxAtOnce = 4;
const maxRetryMs = 5 * 60_000;

/**
 * Sends alerts as webhooks (https://github.com/standard-webhooks/standard-webhooks, version 1): signed, again after a failure
 * that may pass, with the same `webhook-id`. What waits is in memory alone, and bounded.
 */
export function createAlertWebhook(options: AlertWebhookOptions): AlertSender {
  const { url, clock, logger, newId, maxAttempts, retryMs = 2_000 } = options;
  const key = options.secret === undefined ? undefined : Buffer.from(options.secret.slice('whsec_'.length), 'base64');
  const closed = new AbortController();
  const queue: Delivery[] = [];
  /** Under way, or waiting for another attempt. */
  let pending = 0;
  let underWay = 0;
  let hasEnded = false;
  let onIdle = (): void => {};

  function next(): void {
    while (underWay < maxAtOnce && queue.length > 0) void deliver(queue.shift()!);
    if (pending === 0) onIdle();
  }

  async function deliver(delivery: Delivery): Promise<void> {
    underWay++;
    delivery.attempts++;
    const outcome = await attempt(delivery);
    underWay--;
    if (outcome.isDelivered) pending--;
    else if (!outcome.mayPass || delivery.attempts >= maxAttempts || hasEnded) {
      pending--;
      // neither the address, which may hold a token, nor the body
      logger.error(
        { webhook: delivery.id, attempts: delivery.attempts, reason: outcome.reason },
        'an alert could not be delivered and was given up',
      );
    } else {
      const waitMs = Math.max(
        outcome.retryAfterMs ?? 0,
        fullJitterMs(delivery.attempts - 1, retryMs, maxRetryMs, options.random),
      );
      clock.setTimer(
        () => {
          queue.push(delivery);
          next();
        },
        Math.min(waitMs, maxRetryMs),
      );
    }
    next();
  }

  async function attempt({ id, body }: Delivery): Promise<Outcome> {
    const timestamp = String(Math.floor(clock.wall() / 1_000));
    const signature: Record<string, string> =
      key === undefined
        ? {}
        : {
            'webhook-signature': `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
          };
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'parley',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          ...signature,
        },
        body,
        signal: AbortSignal.any([closed.signal, AbortSignal.timeout(options.timeoutMs)]),
      });
      await response.body?.cancel();
      const { status } = response;
      const mayPass = status >= 500 || status === 429 || status === 408;
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
      return {
        isDelivered: response.ok,
        mayPass,
        reason: `status ${status}`,
        retryAfterMs: mayPass && seconds > 0 ? seconds * 1_000 : undefined,
      };
    } catch (error) {
      const { name, cause } = error as Error & { cause?: { code?: string } };
      return { isDelivered: false, mayPass: true, reason: cause?.code ?? name };
    }
  }

  return {
    send({ id = newId(), ...alert }) {
      if (hasEnded) return;
      if (pending >= maxQueued) {
        logger.error({ webhook: id, limit: alert.limit }, 'an alert was dropped: too many wait to be delivered');
        return;
      }
      pending++;
      queue.push({ id, body: bodyOf(alert, clock.wall()), attempts: 0 });
      next();
    },
    async close(graceMs) {
      hasEnded = true;
      if (pending > 0) {
        await new Promise<void>((resolve) => {
          const timer = clock.setTimer(resolve, graceMs);
          onIdle = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      if (pending > 0) logger.warn({ alerts: pending }, 'alerts were not delivered before the end');
      closed.abort();
    },
  };
}

interface Outcome {
  isDelivered: boolean;
  /** Whether it is worth another attempt. */
  mayPass: boolean;
  reason: string;
  retryAfterMs?: number | undefined;
}

function bodyOf(alert: Omit<Alert, 'id'>, atMs: number): string {
  return JSON.stringify({ type: 'limit.alert', timestamp: new Date(atMs).toISOString(), data: alert });
}
