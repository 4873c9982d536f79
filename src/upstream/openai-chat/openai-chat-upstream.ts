import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Upstream, UpstreamTimeouts } from '../contract.ts';
import { HttpAnswer, type HttpAnswerOptions } from '../http-answer.ts';
import { createProviderPool } from '../provider-pool.ts';
import { ChatReader } from './chat-reader.ts';
import { type AssistantPrefix, chooseMaxTokensField, createRequestBody, type MaxTokensField } from './request-body.ts';

export interface OpenaiChatUpstreamOptions {
  name: string;
  /**
   * Address up to and including the version, such as `https://api.openai.com/v1`; `/chat/completions` is added unless
   * it is there. A query is kept (`?api-version=…` for Azure). Comes from configuration, never from a client.
   */
  baseUrl: string;
  /** Sent as `authorization: Bearer …` and nowhere else. */
  apiKey?: string | undefined;
  /** Sent with every request, such as Azure's `api-key`; treated as secret. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Empty: any model name is passed through. */
  models?: readonly string[] | undefined;
  defaultModel: string;
  timeouts: UpstreamTimeouts;
  /** Longest line of the stream. Default 1 MiB. */
  maxLineBytes?: number | undefined;
  /** Bound of text, reasoning and tool arguments of one answer. Default 8 MiB. */
  maxOutputBytes?: number | undefined;
  /** Most answers in flight; more wait in line, within `timeouts.totalMs`. Default: no bound. */
  connections?: number | undefined;
  /** Default: `max_completion_tokens` for reasoning models of api.openai.com, else `max_tokens`. */
  maxTokensField?: MaxTokensField | undefined;
  /** Default `none`. */
  assistantPrefix?: AssistantPrefix | undefined;
  /** Whether to ask for a usage chunk; false for servers that refuse `stream_options`. Default true. */
  includeUsage?: boolean | undefined;
  clock?: Clock | undefined;
  /** Names a tool call to which the provider gave no id. Default: `call_` and a random UUID. */
  createCallId?: (() => string) | undefined;
}

/**
 * An upstream that speaks OpenAI's streamed chat completions over HTTP/1.1: OpenAI, Azure, vLLM, Ollama, llama.cpp,
 * Groq, Mistral, DeepSeek, xAI, Perplexity and whoever else copies them. Redirects are never followed.
 *
 * @throws TypeError if `baseUrl` is not an http(s) address or carries a user name or password, or if a header or the
 * key could not be sent
 */
export function createOpenaiChatUpstream(options: OpenaiChatUpstreamOptions): Upstream {
  const url = parseBaseUrl(options.baseUrl);
  const path = requestPath(url);
  const maxOutputBytes = options.maxOutputBytes ?? 8 * 1024 * 1024;
  const maxLineBytes = options.maxLineBytes ?? 1024 * 1024;
  const assistantPrefix = options.assistantPrefix ?? 'none';
  const apiKey = options.apiKey?.trim();
  const createCallId = options.createCallId ?? (() => `call_${randomUUID().replaceAll('-', '')}`);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'user-agent': 'parley',
    ...options.headers,
    ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
  };
  checkHeaders(headers);
  const secrets = [...(apiKey ? [apiKey] : []), ...Object.values(options.headers ?? {})];
  const pool = createProviderPool({ origin: url.origin, connections: options.connections });
  const answerOptions: HttpAnswerOptions = {
    pool,
    clock: options.clock ?? systemClock,
    timeouts: options.timeouts,
    maxOutputBytes,
    secrets,
    createReader: (output) =>
      new ChatReader(output, {
        maxLineBytes,
        // A document holds the answer escaped, and a little around it.
        maxDocumentBytes: maxOutputBytes * 2,
        createCallId,
        secrets,
      }),
  };

  return {
    name: options.name,
    wire: 'openai-chat',
    models: options.models ?? [],
    defaultModel: options.defaultModel,
    acceptsPrefix: assistantPrefix !== 'none',
    stream(request, sink, signal) {
      if (signal.aborted) {
        queueMicrotask(() => sink.onClose());
        return;
      }
      const body = createRequestBody(request, {
        maxTokensField: chooseMaxTokensField(url.hostname, request.model, options.maxTokensField),
        includeUsage: options.includeUsage ?? true,
        assistantPrefix,
      });
      // The answer keeps itself alive through its signal, its timers and its connection.
      void new HttpAnswer(
        { path, headers: { ...headers, ...clientRequestId(request.turn) }, body },
        sink,
        signal,
        answerOptions,
      );
    },
    close: () => pool.close(),
  };
}

function parseBaseUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TypeError('The base URL of an upstream must be an http or https address.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('The base URL of an upstream must not carry a user name or password.');
  }
  return url;
}

/** A pasted key with a line break would otherwise fail every request in a way that looks like a network fault. */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [header, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new TypeError(`The header ${JSON.stringify(header)} of an upstream holds characters that cannot be sent.`);
    }
  }
}

function requestPath(url: URL): string {
  const base = url.pathname.replace(/\/+$/, '');
  return `${base.endsWith('/chat/completions') ? base : `${base}/chat/completions`}${url.search}`;
}

/** OpenAI logs this id with the request, so that both sides can talk about it: https://platform.openai.com/docs/api-reference/debugging-requests */
function clientRequestId(turn: string): Record<string, string> {
  return /^[\x21-\x7e]{1,128}$/.test(turn) ? { 'x-client-request-id': turn } : {};
}
