import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HttpRequest, HttpResponse, TransportOptions } from './contract.ts';
import { failedAnswer } from './failed-answer.ts';
import { declaredBytes, RequestBody } from './request-body.ts';

/** One who takes nothing of a long answer for this long is cut, as uWebSockets.js does by itself. */
const stalledMs = 10_000;

/** Answers one request of node:http, at once or later. */
export function answerNodeRequest(
  options: TransportOptions,
  request: IncomingMessage,
  response: ServerResponse,
  remoteAddress: string,
): void {
  const exchange = new NodeExchange(options, request, response, remoteAddress);
  const answer = options.onRequest(exchange);
  if (answer instanceof Promise) {
    answer.then(
      (ready) => exchange.answer(ready),
      () => exchange.answer(failedAnswer),
    );
  } else exchange.answer(answer);
}

export function splitUrl(request: IncomingMessage): { path: string; query: string } {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return mark === -1 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

class NodeExchange implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  readonly #options: TransportOptions;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #controller = new AbortController();
  #body: RequestBody | undefined;

  constructor(options: TransportOptions, request: IncomingMessage, response: ServerResponse, remoteAddress: string) {
    this.#options = options;
    this.#request = request;
    this.#response = response;
    this.method = request.method ?? 'GET';
    ({ path: this.path, query: this.query } = splitUrl(request));
    this.remoteAddress = remoteAddress;
    response.once('close', () => {
      if (response.writableFinished) return;
      this.#body?.fail('aborted');
      this.#controller.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  body(): Promise<Uint8Array> {
    if (this.#body === undefined) {
      const { maxBodyBytes, bodyMs } = this.#options.limits;
      const body = new RequestBody(
        maxBodyBytes,
        bodyMs,
        declaredBytes((name) => this.header(name)),
      );
      this.#body = body;
      this.#request.on('data', (chunk: Buffer) => body.push(chunk));
      this.#request.on('end', () => body.end());
      this.#request.on('error', () => body.fail('aborted'));
    }
    return this.#body.read();
  }

  answer({ status, headers, body }: HttpResponse): void {
    const response = this.#response;
    const whole = typeof body === 'string' || body instanceof Uint8Array;
    const length = whole && status !== 204 ? { 'content-length': Buffer.byteLength(body) } : {};
    const isDone = this.#request.complete || declaredBytes((name) => this.header(name)) === 0;
    response.writeHead(status, { ...headers, ...length, ...(isDone ? {} : { connection: 'close' }) });
    this.#request.resume();
    if (this.method === 'HEAD' || whole) {
      response.end(this.method === 'HEAD' || !whole ? undefined : body);
      if (!whole) void body[Symbol.asyncIterator]().return?.();
      return;
    }
    // what is made is asked for as it is taken, a piece ahead
    const source = Readable.from(body, { objectMode: true, highWaterMark: 1 });
    // of the socket: it counts what was written, so a stream that moves is never cut
    response.setTimeout(stalledMs, () => response.destroy());
    pipeline(source, response).catch(() => response.destroy());
  }
}
