import { type ErrorCode, errorCodeNames } from '../../protocol/error-codes.ts';
import { errorMeanings } from '../../protocol/error-meanings.ts';

/** What can go wrong over HTTP alone; everything else has the code that it has on a socket. */
const httpCodes = {
  not_found: { status: 404, title: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, title: 'This address does not answer this method.' },
  not_acceptable: { status: 406, title: 'The answer does not come in any of the formats that are accepted.' },
  request_timeout: { status: 408, title: 'The body of the request took too long to come.' },
  request_in_progress: { status: 409, title: 'A request with the same Idempotency-Key is being answered.' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json.' },
  query_too_large: { status: 422, title: 'The question is too large to be answered.' },
} as const;

export type ProblemCode = ErrorCode | keyof typeof httpCodes;

export const problemCodeNames = [...errorCodeNames, ...Object.keys(httpCodes)] as [ProblemCode, ...ProblemCode[]];

/** Those not listed are 400, or 503 where the same request may be sent again. */
const statuses: Partial<Record<ProblemCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  session_not_found: 404,
  turn_not_found: 404,
  model_not_found: 404,
  route_not_found: 404,
  input_too_large: 413,
  idempotency_conflict: 422,
  rate_limited: 429,
  internal: 500,
};

/** Codes that mean something a little different here. */
const titles: Partial<Record<ProblemCode, string>> = {
  malformed_message: 'The body could not be decoded.',
  input_too_large: 'The body is larger than the gateway takes.',
  idempotency_conflict: 'The Idempotency-Key was already used with another request.',
};

export function titleOf(code: ProblemCode): string {
  return titles[code] ?? (isHttpCode(code) ? httpCodes[code].title : errorMeanings[code]);
}

export function statusOf(code: ProblemCode, isRetryable: boolean): number {
  return isHttpCode(code) ? httpCodes[code].status : (statuses[code] ?? (isRetryable ? 503 : 400));
}

function isHttpCode(code: ProblemCode): code is keyof typeof httpCodes {
  return Object.hasOwn(httpCodes, code);
}
