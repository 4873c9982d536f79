import { type ErrorCode, errorCodes } from '../../protocol/error-codes.ts';
import type { ErrorFrame } from '../../protocol/frames/connection.ts';

/** Faults that only the client's side knows, with their `retryable`. */
const clientCodes = {
  /** The client, session or connection was closed for good. */
  closed: false,
  /** An AbortSignal or a cancel came before the request was sent. */
  aborted: false,
  /** No connection could be made. */
  connection_failed: true,
  /** The gateway sent something that is not a frame of this protocol; it was not applied. */
  bad_frame: false,
  /** The log lives in another epoch now, and what was held of it is no longer valid. */
  history_lost: false,
} as const;

/** Error codes of the protocol, and those of the client's side. */
export type ParleyErrorCode = ErrorCode | keyof typeof clientCodes;

export interface ParleyErrorOptions {
  /** Default: as the code says. */
  retryable?: boolean | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Every fault this client tells of. `code` decides, `message` is for people. */
export class ParleyError extends Error {
  readonly code: ParleyErrorCode;
  /** Whether the same request may be sent again as it is. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ParleyErrorCode, message: string, { retryable, retryAfterMs, cause }: ParleyErrorOptions = {}) {
    super(message, { cause });
    this.name = 'ParleyError';
    this.code = code;
    this.retryable =
      retryable ?? (code in clientCodes ? clientCodes[code as 'closed'] : errorCodes[code as ErrorCode].retryable);
    this.retryAfterMs = retryAfterMs;
  }

  /** What an `error` frame says. A code of a later gateway becomes `internal`, and still says whether to try again. */
  static told(frame: ErrorFrame): ParleyError {
    return new ParleyError(isErrorCode(frame.code) ? frame.code : 'internal', frame.message, frame);
  }

  /** A ParleyError as it is; anything else wrapped: with its own code if that is one of the list, else as `fallback`. */
  static from(error: unknown, fallback: ParleyErrorCode = 'internal'): ParleyError {
    if (error instanceof ParleyError) return error;
    const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
    const known = isErrorCode(code) ? code : name === 'AbortError' ? 'aborted' : fallback;
    return new ParleyError(known, typeof message === 'string' ? message : String(error), { cause: error });
  }
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}
