import { createRandomCallId } from '../call-id.ts';
import { clientRequestId } from '../client-request-id.ts';
import type { Upstream } from '../contract.ts';
import { createHttpUpstream, type HttpUpstreamOptions, pathWith } from '../http-upstream.ts';
import { ChatReader } from './chat-reader.ts';
import { type AssistantPrefix, chooseMaxTokensField, createRequestBody, type MaxTokensField } from './request-body.ts';

export interface OpenaiChatUpstreamOptions extends HttpUpstreamOptions {
  /** Default: `max_completion_tokens` for reasoning models of api.openai.com, else `max_tokens`. */
  maxTokensField?: MaxTokensField | undefined;
  /** Default `none`. */
  assistantPrefix?: AssistantPrefix | undefined;
  /** Whether to ask for a usage chunk; false for servers that refuse `stream_options`. Default true. */
  includeUsage?: boolean | undefined;
  /** Whether to send `prompt_cache_key`, which keeps a conversation on one cache. Default: to api.openai.com alone. */
  promptCacheKey?: boolean | undefined;
  /** Names a tool call to which the provider gave no id. Default: `call_` and a random UUID. */
  createCallId?: (() => string) | undefined;
}

/**
 * An upstream that speaks OpenAI's streamed chat completions: OpenAI, Azure, vLLM, Ollama, llama.cpp, Groq, Mistral,
 * DeepSeek, xAI, Perplexity and whoever else copies them.
 *
 * @throws TypeError if `baseUrl` is not an http(s) address or carries a user name or password, or if a header or the
 * key could not be sent
 */
export function createOpenaiChatUpstream(options: OpenaiChatUpstreamOptions): Upstream {
  const assistantPrefix = options.assistantPrefix ?? 'none';
  const createCallId = options.createCallId ?? createRandomCallId;
  return createHttpUpstream(options, {
    wire: 'openai-chat',
    acceptsPrefix: assistantPrefix !== 'none',
    keyHeader: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
    path: (base) => pathWith(base, '/chat/completions'),
    requestHeaders: (request) => clientRequestId(request.turn),
    createBody: (request, base) =>
      JSON.stringify(
        createRequestBody(request, {
          maxTokensField: chooseMaxTokensField(base.hostname, request.model, options.maxTokensField),
          includeUsage: options.includeUsage ?? true,
          assistantPrefix,
          sendsCacheKey: options.promptCacheKey ?? base.hostname === 'api.openai.com',
        }),
      ),
    createReader: (output, readerOptions) => new ChatReader(output, { createCallId, ...readerOptions }),
  });
}
