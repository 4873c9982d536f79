import { expect } from 'vitest';
import { answerProblem } from './openapi-document.ts';

export interface HttpCall {
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of all shapes
export type Answer = { status: number; headers: Headers; text: string; body: any };

/** Asks a gateway, and holds the answer to what the OpenAPI document says of it. */
export async function call(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body }: HttpCall = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const parsed: unknown = /json/.test(type) && text !== '' ? JSON.parse(text) : undefined;
  if (method !== 'HEAD' && method !== 'OPTIONS')
    expect(answerProblem(method, path.split('?')[0]!, response.status, type, parsed)).toBeUndefined();
  expect(response.headers.get('x-request-id')).toMatch(/./);
  const named = parsed as { requestId?: string } | undefined;
  // an answer that is given again names the request that it was made for
  const isReplay = response.headers.has('idempotency-replayed');
  if (named?.requestId !== undefined && !isReplay) expect(named.requestId).toBe(response.headers.get('x-request-id'));
  return { status: response.status, headers: response.headers, text, body: parsed };
}

/** An identity per bearer token: `tenant/subject/permission,permission`. */
export function bearer(tenant: string, subject: string, ...roles: string[]): Record<string, string> {
  return { authorization: `Bearer ${tenant}/${subject}/${roles.join(',')}` };
}
