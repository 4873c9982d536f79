import { z } from 'zod';
import { errorCodes, type ErrorCode } from '../../protocol/error-codes.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { StoreError } from '../store/store-error.ts';
import { BodyError, type HttpResponse } from '../transport/contract.ts';
import { type ProblemCode, problemCodeNames, statusOf, titleOf } from './problem-codes.ts';

/** One place in a request that cannot be used. */
const violationSchema = z.strictObject({
  in: z.enum(['path', 'query', 'body', 'header']),
  /** Names of fields from the outside in, joined by dots; empty for the whole. */
  field: z.string(),
  message: z.string(),
});
export type Violation = z.infer<typeof violationSchema>;

/** Every answer that is not a success (RFC 9457). */
export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** One sentence for people; `code` decides. */
  detail: z.string(),
  code: z.enum(problemCodeNames),
  requestId: z.string(),
  /** The same request may be sent again as it is. */
  retryable: z.boolean(),
  retryAfterMs: z.int().optional(),
  errors: z.array(violationSchema).optional(),
});

interface ProblemOptions {
  headers?: Record<string, string> | undefined;
  retryAfterMs?: number | undefined;
  violations?: readonly Violation[] | undefined;
  cause?: unknown;
}

/** A request that is refused; its sentence is safe to show. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.options = options;
  }

  get retryable(): boolean {
    if (this.code === 'request_in_progress' || this.code === 'request_timeout') return true;
    return Object.hasOwn(errorCodes, this.code) && errorCodes[this.code as ErrorCode].retryable;
  }

  get status(): number {
    return statusOf(this.code, this.retryable);
  }

  toResponse(requestId: string): HttpResponse {
    const { headers, retryAfterMs, violations } = this.options;
    const body: z.infer<typeof problemSchema> = {
      type: `urn:parley:problem:${this.code}`,
      title: titleOf(this.code),
      status: this.status,
      detail: this.message,
      code: this.code,
      requestId,
      retryable: this.retryable,
      retryAfterMs,
      errors: violations === undefined ? undefined : [...violations],
    };
    const retryAfter: Record<string, string> =
      retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) };
    return {
      status: this.status,
      headers: { 'content-type': 'application/problem+json', ...retryAfter, ...headers },
      body: JSON.stringify(body),
    };
  }
}

/** Whatever was thrown, as a problem; `internal` for what was not foreseen. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ProtocolError) {
    const { code, message, retryAfterMs, cause } = error;
    return new Problem(code, message, { retryAfterMs, cause });
  }
  if (error instanceof StoreError)
    return new Problem('store_unavailable', 'The store cannot be reached now; try again.', {
      cause: error,
      retryAfterMs: 1_000,
    });
  if (error instanceof BodyError) return bodyProblem(error);
  return new Problem('internal', 'The gateway failed; the operator finds the cause in its log.', { cause: error });
}

function bodyProblem(error: BodyError): Problem {
  if (error.problem === 'too_large')
    return new Problem('input_too_large', 'The body is larger than the gateway takes.');
  return new Problem('request_timeout', 'The body of the request did not come in time.');
}
