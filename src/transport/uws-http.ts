import { STATUS_CODES } from 'node:http';
import type { HttpRequest, HttpResponse, TransportOptions } from './contract.ts';
import { failedAnswer } from './failed-answer.ts';
import { declaredBytes, RequestBody } from './request-body.ts';
import type { UwsRequest, UwsResponse } from './uws-types.ts';

export function refuseUwsUpgrade(response: UwsResponse, status: number, reason: string): void {
  // without it uWebSockets.js ends the process when a handler returns before its answer is complete, as after a HEAD
  response.onAborted(() => {});
  response.cork(() => {
    writeHead(response, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } });
    response.end(`${reason}\n`);
  });
}

/** Answers one request, at once or later. */
export function answerUwsRequest(
  options: TransportOptions,
  response: UwsResponse,
  raw: UwsRequest,
  remoteAddress: string,
): void {
  const exchange = new UwsExchange(options, response, raw, remoteAddress);
  const answer = options.onRequest(exchange);
  if (answer instanceof Promise) exchange.answerLater(answer);
  else exchange.answer(answer);
}

class UwsExchange implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  readonly #options: TransportOptions;
  readonly #response: UwsResponse;
  /** Only until the handler returns. */
  #raw: UwsRequest | undefined;
  #headers: ReadonlyMap<string, string> | undefined;
  #body: RequestBody | undefined;
  #controller: AbortController | undefined;
  #isAborted = false;
  #onProgress = (): void => {};

  constructor(options: TransportOptions, response: UwsResponse, raw: UwsRequest, remoteAddress: string) {
    this.#options = options;
    this.#response = response;
    this.#raw = raw;
    this.method = raw.getMethod().toUpperCase();
    this.path = raw.getUrl();
    this.query = raw.getQuery() ?? '';
    this.remoteAddress = remoteAddress;
    response.onAborted(() => this.#abort());
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  header(name: string): string | undefined {
    return this.#raw === undefined ? this.#headers?.get(name) : this.#raw.getHeader(name) || undefined;
  }

  body(): Promise<Uint8Array> {
    return this.#received().read();
  }

  answerLater(answer: Promise<HttpResponse>): void {
    this.#received();
    const headers = new Map<string, string>();
    this.#raw?.forEach((name, value) =>
      headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value),
    );
    this.#headers = headers;
    this.#raw = undefined;
    answer.then(
      (ready) => this.answer(ready),
      () => this.answer(failedAnswer),
    );
  }

  answer({ status, headers, body }: HttpResponse): void {
    this.#raw = undefined;
    if (this.#isAborted) return void cancelChunks(body);
    const response = this.#response;
    const closes = this.#body !== undefined && !this.#body.isComplete;
    response.cork(() => {
      writeHead(response, { status, headers: closes ? { ...headers, connection: 'close' } : headers });
      if (isChunks(body)) {
        if (this.method === 'HEAD') response.endWithoutBody(undefined, closes);
      } else if (this.method === 'HEAD') response.endWithoutBody(Buffer.byteLength(body), closes);
      else if (status === 204) response.endWithoutBody(undefined, closes);
      else response.end(body, closes);
    });
    if (!isChunks(body)) return;
    if (this.method === 'HEAD') void cancelChunks(body);
    else void this.#stream(body);
  }

  async #stream(chunks: AsyncIterable<string | Uint8Array>): Promise<void> {
    const response = this.#response;
    response.onWritable(() => {
      this.#onProgress();
      return true;
    });
    try {
      for await (const chunk of chunks) {
        if (this.#isAborted) return;
        if (chunk.length === 0) continue;
        let isTaken = true;
        response.cork(() => {
          isTaken = response.write(chunk);
        });
        // one who reads nothing for ten seconds is cut by uWebSockets.js
        if (!isTaken) await new Promise<void>((resolve) => (this.#onProgress = resolve));
      }
      if (!this.#isAborted) response.cork(() => response.end());
    } catch {
      if (!this.#isAborted) response.close();
    }
  }

  /** Must be called before the handler returns: the first bytes come right behind. */
  #received(): RequestBody {
    if (this.#body !== undefined) return this.#body;
    const { maxBodyBytes, bodyMs } = this.#options.limits;
    const body = new RequestBody(
      maxBodyBytes,
      bodyMs,
      declaredBytes((name) => this.header(name)),
    );
    this.#body = body;
    this.#response.onData((chunk, isLast) => {
      // the bytes are only lent
      if (chunk.byteLength > 0) body.push(new Uint8Array(chunk.slice(0)));
      if (isLast) body.end();
    });
    return body;
  }

  #abort(): void {
    this.#isAborted = true;
    this.#body?.fail('aborted');
    this.#controller?.abort();
    this.#onProgress();
  }
}

function writeHead(response: UwsResponse, { status, headers }: Pick<HttpResponse, 'status' | 'headers'>): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
}

function isChunks(body: HttpResponse['body']): body is AsyncIterable<string | Uint8Array> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** Lets whoever makes the chunks tidy up, though nobody takes them. */
async function cancelChunks(body: HttpResponse['body']): Promise<void> {
  if (isChunks(body)) await body[Symbol.asyncIterator]().return?.();
}
