import { createRandomCallId } from '../call-id.ts';
import type { Upstream } from '../contract.ts';
import { createHttpUpstream, type HttpUpstreamOptions } from '../http-upstream.ts';
import { ContentReader } from './content-reader.ts';
import { createRequestBody } from './request-body.ts';

export interface GeminiUpstreamOptions extends HttpUpstreamOptions {
  /** Whether an answer can be gone on with: a last content of the model is taken, but not by all models. Default false. */
  acceptsPrefix?: boolean | undefined;
  /** Names a tool call to which the provider gave no id. Default: `call_` and a random UUID. */
  createCallId?: (() => string) | undefined;
}

/**
 * An upstream that speaks Google's GenerateContent; `baseUrl` is `https://generativelanguage.googleapis.com/v1beta` or
 * that of a publisher on Vertex AI. The key goes into a header, never into the address.
 *
 * @throws TypeError if `baseUrl` is not an http(s) address or carries a user name or password, or if a header or the
 * key could not be sent
 */
export function createGeminiUpstream(options: GeminiUpstreamOptions): Upstream {
  const createCallId = options.createCallId ?? createRandomCallId;
  return createHttpUpstream(options, {
    wire: 'gemini',
    acceptsPrefix: options.acceptsPrefix,
    keyHeader: (apiKey) => ({ 'x-goog-api-key': apiKey }),
    path: (base, request) => modelPath(base, request.model),
    createBody: (request) => JSON.stringify(createRequestBody(request)),
    createReader: (output, readerOptions) => new ContentReader(output, { createCallId, ...readerOptions }),
  });
}

/** The name comes from a client: encoded, it stays one segment of the path, and the verb behind it keeps `..` a name. */
export function modelPath(base: URL, model: string): string {
  const name = encodeURIComponent(model.replace(/^models\//, '').toWellFormed());
  const query = base.search.length > 1 ? `${base.search}&alt=sse` : '?alt=sse';
  return `${base.pathname.replace(/\/+$/, '')}/models/${name}:streamGenerateContent${query}`;
}
