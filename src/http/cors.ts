import type { HttpRequest, HttpResponse } from '../transport/contract.ts';
import { Problem } from './problem.ts';

export type IsOriginAllowed = (origin: string, host: string | undefined) => boolean;

const exposed = 'x-request-id, retry-after, idempotency-replayed, content-disposition, www-authenticate';
const allowedHeaders = 'authorization, content-type, idempotency-key, x-request-id, accept';
/** How long a browser may keep the answer to its preflight. */
const maxAgeSeconds = 600;

/**
 * Headers for a page of another origin; none for requests that no page made. Credentials are in a header and never in a
 * cookie, so the browser is not asked to send any. Throws `Problem` `forbidden` for a page that may not ask.
 */
export function corsHeaders(request: HttpRequest, isOriginAllowed: IsOriginAllowed): Record<string, string> {
  const origin = request.header('origin');
  if (origin === undefined || origin === '') return {};
  if (!isOriginAllowed(origin, request.header('host')))
    throw new Problem('forbidden', 'Pages of this origin may not ask; the operator can allow them.');
  return { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed };
}

/** Answers `OPTIONS`, which needs no credential: a browser asks before it sends one. */
export function answerOptions(methods: readonly string[]): HttpResponse {
  const allow = methods.join(', ');
  return {
    status: 204,
    headers: {
      allow,
      'access-control-allow-methods': allow,
      'access-control-allow-headers': allowedHeaders,
      'access-control-max-age': String(maxAgeSeconds),
    },
    body: '',
  };
}
