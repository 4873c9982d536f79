import { createRandomCallId } from '../call-id.ts';
import type { Upstream } from '../contract.ts';
import { createHttpUpstream, type HttpUpstreamOptions, pathWith } from '../http-upstream.ts';
import { MessageReader } from './message-reader.ts';
import { traitsOf } from './model-traits.ts';
import { createRequestBody } from './request-body.ts';

export interface AnthropicUpstreamOptions extends HttpUpstreamOptions {
  /** Bound of an answer for which the request names none, for the provider demands one; tokens. Default 8192. */
  defaultMaxTokens?: number | undefined;
  /** Whether to mark the conversation for the provider's prompt cache. Default true. */
  promptCache?: boolean | undefined;
  /**
   * Whether an answer can be gone on with. Default: whether `defaultModel` can, for models from 4.6 on refuse it. White
   * space at the end of what was said so far is not sent, so that the rest may begin with it.
   */
  acceptsPrefix?: boolean | undefined;
  /** Names a tool call to which the provider gave no id. Default: `call_` and a random UUID. */
  createCallId?: (() => string) | undefined;
}

/**
 * An upstream that speaks Anthropic's Messages API; `baseUrl` is `https://api.anthropic.com/v1` or a copy of it.
 *
 * @throws TypeError if `baseUrl` is not an http(s) address or carries a user name or password, or if a header or the
 * key could not be sent
 */
export function createAnthropicUpstream(options: AnthropicUpstreamOptions): Upstream {
  const bodyOptions = {
    defaultMaxTokens: options.defaultMaxTokens ?? 8192,
    promptCache: options.promptCache !== false,
  };
  const createCallId = options.createCallId ?? createRandomCallId;
  return createHttpUpstream(options, {
    wire: 'anthropic',
    acceptsPrefix: options.acceptsPrefix ?? traitsOf(options.defaultModel).takesPrefill,
    headers: { 'anthropic-version': '2023-06-01' },
    keyHeader: (apiKey) => ({ 'x-api-key': apiKey }),
    path: (base) => pathWith(base, '/messages'),
    createBody: (request) => JSON.stringify(createRequestBody(request, bodyOptions)),
    createReader: (output, readerOptions) => new MessageReader(output, { createCallId, ...readerOptions }),
  });
}
