import { createRandomCallId } from '../call-id.ts';
import { clientRequestId } from '../client-request-id.ts';
import type { Upstream } from '../contract.ts';
import { createHttpUpstream, type HttpUpstreamOptions, pathWith } from '../http-upstream.ts';
import type { ReasoningSummary } from './body.ts';
import { createRequestBody } from './request-body.ts';
import { ResponseReader } from './response-reader.ts';

export interface OpenaiResponsesUpstreamOptions extends HttpUpstreamOptions {
  /** Whether the provider may keep the answers. Default false. */
  store?: boolean | undefined;
  /** Asks models that think for a summary of it, which OpenAI gives to verified organizations. Default: not asked. */
  reasoningSummary?: ReasoningSummary | undefined;
  /** Whether the models think; for deployments whose names do not tell. Default: by OpenAI's names. */
  reasoning?: boolean | undefined;
  /** Whether an answer can be gone on with. Default false. */
  acceptsPrefix?: boolean | undefined;
  /** Names a tool call to which the provider gave no id. Default: `call_` and a random UUID. */
  createCallId?: (() => string) | undefined;
}

/**
 * An upstream that speaks OpenAI's Responses API: OpenAI, Azure and servers that copy it. The provider keeps nothing of
 * the conversation; reasoning goes back to it encrypted.
 *
 * @throws TypeError if `baseUrl` is not an http(s) address or carries a user name or password, or if a header or the
 * key could not be sent
 */
export function createOpenaiResponsesUpstream(options: OpenaiResponsesUpstreamOptions): Upstream {
  const bodyOptions = {
    store: options.store ?? false,
    reasoningSummary: options.reasoningSummary,
    isReasoning: options.reasoning,
  };
  const createCallId = options.createCallId ?? createRandomCallId;
  return createHttpUpstream(options, {
    wire: 'openai-responses',
    acceptsPrefix: options.acceptsPrefix,
    keyHeader: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
    path: (base) => pathWith(base, '/responses'),
    requestHeaders: (request) => clientRequestId(request.turn),
    createBody: (request) => JSON.stringify(createRequestBody(request, bodyOptions)),
    createReader: (output, readerOptions, request) =>
      new ResponseReader(output, { createCallId, model: request.model, ...readerOptions }),
  });
}
