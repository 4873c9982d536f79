import type { ErrorCode } from './error-codes.ts';
import { errorCodes } from './error-codes.ts';

/** A fault told to the other side: one closed code and one sentence that is safe to show. */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ProtocolError';
    this.code = code;
    this.retryable = errorCodes[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}
