import type { HttpRequest, HttpResponse } from '../transport/contract.ts';
import type { Api } from './create-api.ts';
import type { PageFile } from './page-files.ts';

export interface HttpHandlerOptions {
  page: ReadonlyMap<string, PageFile>;
  /** Whether new work should come here: false while draining. */
  isReady(): boolean;
  api: Api;
}

/** The page runs scripts and styles of this server alone and talks to nobody else. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/**
 * Answers plain HTTP requests: the chat page, `/healthz` (the process lives) and `/readyz` (it takes new work) at once, the rest
 * through the API.
 */
export function createHttpHandler(
  options: HttpHandlerOptions,
): (request: HttpRequest) => HttpResponse | Promise<HttpResponse> {
  return (request) => {
    const { method, path } = request;
    if (path.startsWith('/v1/') || path === '/metrics') return options.api.answer(request);
    if (method !== 'GET' && method !== 'HEAD')
      return { ...text(405, 'Only GET is answered here.'), headers: { ...plain, allow: 'GET, HEAD' } };
    if (path === '/healthz') return text(200, 'ok');
    if (path === '/readyz') return options.isReady() ? text(200, 'ready') : text(503, 'draining');
    const file = options.page.get(path);
    if (file !== undefined)
      return { status: 200, headers: { ...pageHeaders, 'content-type': file.contentType }, body: file.body };
    if (path === '/') return text(503, 'The chat page is not built; run npm run build.');
    return text(404, 'There is nothing at this address.');
  };
}

const plain = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

function text(status: number, body: string): HttpResponse {
  return { status, headers: plain, body: `${body}\n` };
}
