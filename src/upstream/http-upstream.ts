import type { LookupFunction } from 'node:net';
import { type Clock, systemClock } from '../lib/clock.ts';
import { checkLiteralHost } from './address-policy.ts';
import type { AnswerOutput } from './answer-output.ts';
import {
  type Upstream,
  UpstreamError,
  type UpstreamRequest,
  type UpstreamSink,
  type UpstreamTimeouts,
} from './contract.ts';
import { HttpAnswer, type WireReader } from './http-answer.ts';
import { checkOverHttp } from './http-check.ts';
import { brokenConnection } from './http-errors.ts';
import { createKeyRing, type KeyRing } from './key-ring.ts';
import { createProviderPool } from './provider-pool.ts';
import type { ReadPace } from './read-pace.ts';
import { readTlsFiles, type TlsFiles } from './tls-settings.ts';

/** What all wires over HTTP are configured with. */
export interface HttpUpstreamOptions {
  name: string;
  /**
   * Address up to and including the version, such as `https://api.openai.com/v1`; the path of the wire is added unless
   * it is there. A query is kept (`?api-version=…` for Azure). Comes from configuration, never from a client.
   */
  baseUrl: string;
  /** Sent in the header of the wire and nowhere else. */
  apiKey?: string | undefined;
  /** Several keys take turns; one that the provider limits or refuses rests. Come before `apiKey`. */
  apiKeys?: readonly string[] | undefined;
  /** Sent with every request, such as Azure's `api-key`; treated as secret. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Names clients may ask for; empty passes any name through. */
  models?: readonly string[] | undefined;
  defaultModel: string;
  timeouts: UpstreamTimeouts;
  /** Longest line of the stream. Default 1 MiB. */
  maxLineBytes?: number | undefined;
  /** Bound of text, reasoning and tool arguments of one answer. Default 8 MiB. */
  maxOutputBytes?: number | undefined;
  /** Most answers in flight; more wait in line, within `timeouts.totalMs`. Default: no bound. */
  connections?: number | undefined;
  /** Whether the provider may be in a private network; loopback that is written in `baseUrl` always may. Default false. */
  allowPrivateNetwork?: boolean | undefined;
  tls?: TlsFiles | undefined;
  /** How many connections are kept open ahead of need, after `warm`. Default 0. */
  prewarm?: number | undefined;
  /** `path`: what `check` asks for, from the root of the host. Default: the list of models beside the wire's path. */
  health?: { path?: string | undefined } | undefined;
  /** Finds addresses; default: as the system does. */
  lookup?: LookupFunction | undefined;
  clock?: Clock | undefined;
  /** Lets tokens gather while the process is busy. Default: none ever waits. */
  pace?: ReadPace | undefined;
}

/** What a reader of answers is made with. */
export interface WireReaderOptions {
  maxLineBytes: number;
  maxDocumentBytes: number;
  /** Values that must not be quoted from an error inside the stream. */
  secrets: readonly string[];
}

/** What tells one wire from another. */
export interface HttpWire {
  wire: string;
  acceptsPrefix?: boolean | undefined;
  /** Headers beside the common ones. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** The header that carries the key. */
  keyHeader(apiKey: string): Record<string, string>;
  /** Path and query of a request, from the base URL. */
  path(base: URL, request: UpstreamRequest): string;
  /** Headers of this request alone. */
  requestHeaders?(request: UpstreamRequest): Record<string, string>;
  /** The JSON body. What it throws ends the answer; `UpstreamError` `input_unsupported` for parts the wire cannot carry. */
  createBody(request: UpstreamRequest, base: URL): string;
  createReader(output: AnswerOutput, options: WireReaderOptions, request: UpstreamRequest): WireReader;
}

/**
 * An upstream that is asked with one POST over HTTP/1.1 per answer.
 *
 * @throws TypeError if `baseUrl` is not an http(s) address, carries a user name or password or is a private address
 * without leave, if a header or the key could not be sent, or if a file of `tls` cannot be read
 */
export function createHttpUpstream(options: HttpUpstreamOptions, wire: HttpWire): Upstream {
  const url = parseBaseUrl(options.baseUrl);
  if (options.allowPrivateNetwork !== true) checkPublic(url);
  const maxOutputBytes = options.maxOutputBytes ?? 8 * 1024 * 1024;
  const clock = options.clock ?? systemClock;
  const apiKeys = [...(options.apiKeys ?? []), ...(options.apiKey === undefined ? [] : [options.apiKey])]
    .map((key) => key.trim())
    .filter((key) => key !== '');
  const keys = createKeyRing(apiKeys, clock);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'user-agent': 'parley',
    ...wire.headers,
    ...options.headers,
  };
  for (const key of apiKeys) checkHeaders({ ...headers, ...wire.keyHeader(key) });
  checkHeaders(headers);
  const secrets = [...apiKeys, ...Object.values(options.headers ?? {})];
  const checkPath = options.health?.path ?? modelsPath(url);
  const pool = createProviderPool({
    origin: url.origin,
    connections: options.connections,
    allowPrivateNetwork: options.allowPrivateNetwork,
    tls: readTlsFiles(options.tls),
    prewarm: options.prewarm,
    lookup: options.lookup,
  });
  const readerOptions: WireReaderOptions = {
    maxLineBytes: options.maxLineBytes ?? 1024 * 1024,
    // A document holds the answer escaped, and a little around it.
    maxDocumentBytes: maxOutputBytes * 2,
    secrets,
  };

  return {
    name: options.name,
    wire: wire.wire,
    models: options.models ?? [],
    defaultModel: options.defaultModel,
    acceptsPrefix: wire.acceptsPrefix === true,
    stream(request, sink, signal) {
      if (signal.aborted) {
        queueMicrotask(() => sink.onClose());
        return;
      }
      let body: string;
      try {
        body = wire.createBody(request, url);
      } catch (cause) {
        const error =
          cause instanceof UpstreamError
            ? cause
            : new UpstreamError('internal', 'The request for the provider could not be written.', { cause });
        queueMicrotask(() => {
          if (!signal.aborted) sink.onError(error);
          sink.onClose();
        });
        return;
      }
      const key = keys.next();
      const ownHeaders = key === undefined ? {} : wire.keyHeader(key);
      // The answer keeps itself alive through its signal, its timers and its connection.
      void new HttpAnswer(
        {
          path: wire.path(url, request),
          headers: { ...headers, ...ownHeaders, ...wire.requestHeaders?.(request) },
          body,
        },
        apiKeys.length < 2 ? sink : watched(sink, keys, key),
        signal,
        {
          pool,
          clock,
          pace: options.pace,
          timeouts: request.timeouts === undefined ? options.timeouts : withOwn(options.timeouts, request.timeouts),
          maxOutputBytes,
          secrets,
          createReader: (output) => wire.createReader(output, readerOptions, request),
        },
      );
    },
    async check(signal) {
      const key = keys.next();
      const { accept: _accept, 'content-type': _type, ...common } = headers;
      const own = key === undefined ? {} : wire.keyHeader(key);
      await checkOverHttp(pool, { method: 'GET', path: checkPath, headers: { ...common, ...own } }, signal);
    },
    warm: (onFailure) => pool.warm((cause) => onFailure(brokenConnection('connecting', cause))),
    close: () => pool.close(),
  };
}

/** Tells the key ring what the provider says of the key. */
function watched(sink: UpstreamSink, keys: KeyRing, key: string | undefined): UpstreamSink {
  return {
    onOpen: (requestId) => sink.onOpen(requestId),
    onText: (text) => sink.onText(text),
    onReasoning: (text) => sink.onReasoning(text),
    onToolCallDelta: (text) => sink.onToolCallDelta(text),
    onToolCall: (call) => sink.onToolCall(call),
    onSource: (source) => sink.onSource?.(source),
    onNative: (value) => sink.onNative?.(value),
    onUsage: (usage) => sink.onUsage(usage),
    onEnd: (finish, rawFinish) => sink.onEnd(finish, rawFinish),
    onError(error) {
      if (error.code === 'upstream_rate_limited') keys.limited(key, error.retryAfterMs);
      if (error.code === 'upstream_unauthorized') keys.refused(key);
      sink.onError(error);
    },
    onClose: () => sink.onClose(),
  };
}

/** The path of the base URL with `suffix` behind it, unless it ends so already, and the query. */
export function pathWith(base: URL, suffix: string): string {
  const path = base.pathname.replace(/\/+$/, '');
  return `${path.endsWith(suffix) ? path : `${path}${suffix}`}${base.search}`;
}

/** All wires list their models there; a base URL may already end in the wire's own path. */
function modelsPath(base: URL): string {
  const path = base.pathname.replace(/\/+$/, '').replace(/\/(chat\/completions|responses|messages|models)$/, '');
  return `${path}/models${base.search}`;
}

function withOwn(timeouts: UpstreamTimeouts, own: Partial<UpstreamTimeouts>): UpstreamTimeouts {
  return {
    connectMs: own.connectMs ?? timeouts.connectMs,
    firstTokenMs: own.firstTokenMs ?? timeouts.firstTokenMs,
    idleMs: own.idleMs ?? timeouts.idleMs,
    totalMs: own.totalMs ?? timeouts.totalMs,
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

function checkPublic(url: URL): void {
  try {
    checkLiteralHost(url.hostname);
  } catch (cause) {
    throw new TypeError(
      'The base URL of an upstream is an address in a private network; set allowPrivateNetwork if that is meant.',
      { cause },
    );
  }
}

/** A pasted key with a line break would otherwise fail every request in a way that looks like a network fault. */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [header, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new TypeError(`The header ${JSON.stringify(header)} of an upstream holds characters that cannot be sent.`);
    }
  }
}
