import type { HttpRequest, HttpResponse } from '../transport/contract.ts';
import { checkValue } from './check-value.ts';
import type { ApiAnswer, Route } from './contract.ts';
import { answerOptions, corsHeaders } from './cors.ts';
import { type Asker, Gate } from './gate.ts';
import { checkIdempotencyKey, IdempotentAnswers, type KeptAnswer } from './idempotency.ts';
import { negotiate } from './negotiate.ts';
import { parseQuery } from './parse-query.ts';
import { Problem, problemOf } from './problem.ts';
import { readJson } from './read-json.ts';
import { type Exchange, noteRequest } from './request-log.ts';
import { type FoundRoute, RouteTable } from './route-table.ts';
import { allRoutes } from './routes/all-routes.ts';
import type { HttpServices } from './services.ts';

export interface Api {
  /** Never rejects. */
  answer(request: HttpRequest): Promise<HttpResponse>;
  /** Resolves when no request is being answered any more; what streams is not waited for. */
  idle(): Promise<void>;
}

/** For every answer: nothing of it is to be kept or taken for something else. */
const commonHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  vary: 'origin, accept, authorization',
};

/** Answers the routes under `/v1` and `/metrics`. */
export function createApi(services: HttpServices): Api {
  const { limits, clock } = services;
  const gate = new Gate(services);
  const routes = new RouteTable(allRoutes({ ...services, authenticate: (asker) => gate.authenticate(asker) }));
  const idempotent = new IdempotentAnswers(services.store.records, services.logger);
  let underWay = 0;
  let onIdle = (): void => {};

  async function answerRoute(exchange: Exchange, request: HttpRequest, id: string): Promise<HttpResponse> {
    const found = routes.find(request.method, request.path);
    exchange.route = found.template;
    // also of what is not there: nobody is to look around for free
    gate.checkAddress(request.remoteAddress);
    if (found.outcome === 'options') return answerOptions(found.methods);
    if (found.outcome === 'not_found') throw new Problem('not_found', 'There is nothing at this address.');
    if (found.outcome === 'wrong_method') throw wrongMethod(found.methods);
    const { route } = found;
    const asker: Asker = { id, header: (name) => request.header(name), address: request.remoteAddress };
    const identity = await gate.admit(route, asker);
    if (route.access !== 'public') exchange.identity = identity;
    const { params, query } = checkAddress(found, request.query);
    const accepted = negotiate(request.header('accept'), route.answer.types ?? ['application/json']);
    const { bytes, body } = await readBody(route, request);
    const { method } = route;
    const asked = { ...asker, method, params, query, body, signal: request.signal, accepted };
    const make = async (): Promise<HttpResponse> => responseOf(await route.answerTo(asked, identity), id);
    const key = request.header('idempotency-key');
    if (key === undefined || method !== 'POST') return make();
    const { path } = request;
    const repeated = { identity, method, path, query: request.query, body: bytes, key: checkIdempotencyKey(key) };
    const { isReplay, ...kept } = await idempotent.once(repeated, async () => keptOf(await make()));
    const headers: Record<string, string> = { 'content-type': kept.contentType };
    if (isReplay) headers['idempotency-replayed'] = 'true';
    return { status: kept.status, headers, body: kept.body };
  }

  return {
    async answer(request) {
      const exchange: Exchange = { startedMs: clock.now(), route: 'none', identity: undefined };
      const id = requestIdOf(request.header('x-request-id')) ?? services.newId();
      let headers: Record<string, string> = { ...commonHeaders, 'x-request-id': id };
      let response: HttpResponse;
      let failure: Problem | undefined;
      underWay++;
      try {
        headers = { ...headers, ...corsHeaders(request, services.isOriginAllowed) };
        if (underWay > limits.maxConcurrentRequests)
          throw new Problem('overloaded', 'Too many requests are being answered.', { retryAfterMs: 1_000 });
        response = await answerRoute(exchange, request, id);
      } catch (error) {
        failure = problemOf(error);
        response = failure.toResponse(id);
      } finally {
        underWay--;
        if (underWay === 0) onIdle();
      }
      noteRequest(services, { request, id, exchange, status: response.status, failure });
      return { ...response, headers: { ...headers, ...response.headers } };
    },
    async idle() {
      if (underWay > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    },
  };
}

/** An id of the client that can stand in a header and in a line of a log. */
function requestIdOf(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z0-9_.:-]{8,128}$/.test(text) ? text : undefined;
}

function wrongMethod(methods: readonly string[]): Problem {
  const allow = methods.join(', ');
  return new Problem('method_not_allowed', `This address answers ${allow}.`, { headers: { allow } });
}

function checkAddress(
  { route, params, malformed }: Extract<FoundRoute, { outcome: 'found' }>,
  query: string,
): { params: unknown; query: unknown } {
  if (malformed !== undefined) {
    const message = 'the percent-encoding is broken';
    throw new Problem('invalid_frame', `The request cannot be used: path: “${malformed}”: ${message}.`, {
      violations: [{ in: 'path', field: malformed, message }],
    });
  }
  return {
    params: checkValue(route.params, params, 'path'),
    query: checkValue(route.query, parseQuery(query), 'query'),
  };
}

async function readBody(route: Route, request: HttpRequest): Promise<{ bytes: Uint8Array; body: unknown }> {
  if (route.body === undefined) return { bytes: new Uint8Array(), body: undefined };
  const bytes = await request.body();
  return { bytes, body: checkValue(route.body, readJson(bytes, request.header('content-type')), 'body') };
}

function responseOf(answer: ApiAnswer, requestId: string): HttpResponse {
  if ('body' in answer) return answer;
  const { status, data, next } = answer;
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data, next, requestId }) };
}

function keptOf({ status, headers, body }: HttpResponse): KeptAnswer {
  if (typeof body !== 'string') throw new Error('an answer that is made in chunks cannot be kept');
  return { status, contentType: headers['content-type'] ?? 'application/json', body };
}
