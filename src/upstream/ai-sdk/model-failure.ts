import type { ErrorCode } from '../../../protocol/error-codes.ts';
import { UpstreamError } from '../contract.ts';
import { classifyProviderFailure } from '../provider-failure.ts';
import { parseRetryAfter } from '../retry-after.ts';

/** Errors of the SDK that carry no HTTP status, by name: what became of the call, in a sentence that quotes nothing. */
const named: Record<string, [ErrorCode, string]> = {
  AI_LoadAPIKeyError: ['upstream_unauthorized', 'The gateway has no credential for the provider.'],
  AI_NoSuchModelError: ['model_not_found', 'The provider does not know this model.'],
  AI_UnsupportedFunctionalityError: ['input_unsupported', 'The model does not take this kind of input or request.'],
  AI_InvalidPromptError: ['upstream_rejected', 'The model refused the form of the request.'],
  AI_InvalidArgumentError: ['upstream_rejected', 'The model refused the form of the request.'],
  AI_EmptyResponseBodyError: ['upstream_truncated', 'The provider sent no answer.'],
  AI_InvalidResponseDataError: ['upstream_malformed', 'The stream of the provider could not be read.'],
  AI_JSONParseError: ['upstream_malformed', 'The stream of the provider could not be read.'],
  AI_TypeValidationError: ['upstream_malformed', 'The stream of the provider could not be read.'],
};

/** The typed error for what a model threw, or gave as an error part. `wallMs`: milliseconds since 1970. */
export function modelFailure(thrown: unknown, wallMs: number, secrets: readonly string[]): UpstreamError {
  if (thrown instanceof UpstreamError) return thrown;
  const error = lastAttempt(thrown);
  const { name, message, statusCode, responseBody, responseHeaders, isRetryable } = error;
  const status = typeof statusCode === 'number' ? statusCode : undefined;
  const body = typeof responseBody === 'string' ? responseBody : undefined;
  if (status !== undefined || body !== undefined) {
    const retryAfterMs = parseRetryAfter(headersOf(responseHeaders), wallMs);
    const text = body ?? (typeof message === 'string' ? message : '');
    return classifyProviderFailure({ status, body: text, retryAfterMs, secrets });
  }
  const known = typeof name === 'string' && Object.hasOwn(named, name) ? named[name] : undefined;
  if (known !== undefined) return new UpstreamError(...known, { cause: thrown });
  // a call that reached no server: the SDK's own words for it, or those of fetch
  if (isRetryable === true || (thrown instanceof TypeError && thrown.message === 'fetch failed'))
    return new UpstreamError('upstream_unreachable', 'No connection to the provider could be made.', { cause: thrown });
  // an error event of the provider, as it was in the stream
  if (!(thrown instanceof Error)) {
    const event = typeof thrown === 'object' && thrown !== null && 'error' in thrown ? thrown : { error: thrown };
    return classifyProviderFailure({ status: undefined, body: textOf(event), secrets });
  }
  return new UpstreamError('upstream_error', 'The provider failed.', { cause: thrown });
}

/** Of an error that gathers several attempts, the last one. */
function lastAttempt(thrown: unknown): Record<string, unknown> {
  const error = recordOf(thrown);
  return typeof error['lastError'] === 'object' && error['lastError'] !== null ? recordOf(error['lastError']) : error;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function headersOf(value: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(recordOf(value)))
    if (typeof text === 'string') headers[name.toLowerCase()] = text;
  return headers;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}
