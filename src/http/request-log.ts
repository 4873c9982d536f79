import type { Identity } from '../auth/contract.ts';
import type { HttpRequest } from '../transport/contract.ts';
import type { Problem } from './problem.ts';
import type { HttpServices } from './services.ts';

/** What becomes known of a request while it is answered. */
export interface Exchange {
  startedMs: number;
  /** Template of the path. */
  route: string;
  identity: Identity | undefined;
}

export interface AnsweredRequest {
  request: HttpRequest;
  id: string;
  exchange: Exchange;
  status: number;
  failure: Problem | undefined;
}

/** One line per request: no path, no query and no header, which may hold what is nobody's business. */
export function noteRequest(services: HttpServices, { request, id, exchange, status, failure }: AnsweredRequest): void {
  const { logger, metrics, clock, requestSample, random } = services;
  const ms = clock.now() - exchange.startedMs;
  const method = knownMethods.has(request.method) ? request.method : 'other';
  metrics.httpRequest(exchange.route, method, status, ms);
  const { tenant, subject, credential } = exchange.identity ?? {};
  const fields = {
    request: id,
    method,
    route: exchange.route,
    status,
    ms: Math.round(ms * 10) / 10,
    tenant,
    subject,
    keyId: credential?.id,
    address: request.remoteAddress,
  };
  if (status >= 500 && failure?.code === 'internal')
    logger.error({ ...fields, error: failure.cause }, 'a request failed unexpectedly');
  else if (failure !== undefined) logger.info({ ...fields, code: failure.code }, 'a request was refused');
  else if (random() < requestSample) logger.info(fields, 'a request was answered');
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
