import type { ErrorCode } from '../../protocol/error-codes.ts';
import { UpstreamError } from './contract.ts';
import { redactProviderMessage } from './redact.ts';

/** What is known of a refusal: from the head of the answer, from its body, or from an event in the stream. */
export interface ProviderFailure {
  /** HTTP status; undefined for an error inside a stream that began with 200. */
  status: number | undefined;
  /** Text of the body or of the event; may be cut, need not be JSON. */
  body: string;
  retryAfterMs?: number | undefined;
  /** Values sent along with the request that must never be quoted. */
  secrets?: readonly string[] | undefined;
}

interface ProviderWords {
  message: string;
  /** `code`, `type` and `status` of the error object, lower case, as far as they are text. */
  labels: string[];
  /** A numeric `code` or `status` inside the body, as OpenRouter, vLLM and Google write it. */
  status: number | undefined;
}

const contextPhrases =
  /maximum context length|context[ _-]?length|maximum number of tokens allowed|context window|context size|too many (?:input )?tokens|prompt is too long|input is too long|reduce the length/i;
const contextLabels = [
  'context_length_exceeded',
  'exceed_context_size_error',
  'string_above_max_length',
  'request_too_large',
];
const refusalLabels = [
  'content_filter',
  'content_policy_violation',
  'responsibleaipolicyviolation',
  'safety',
  'prohibited_content',
  // OpenAI's Responses API: a prompt that was flagged.
  'invalid_prompt',
  'bio_policy',
  'cyber_policy',
  'image_content_policy_violation',
];
const limitLabels = ['insufficient_quota', 'rate_limit_exceeded', 'rate_limit_error', 'resource_exhausted'];
const credentialLabels = [
  'invalid_api_key',
  'authentication_error',
  'permission_error',
  'billing_error',
  'unauthenticated',
  'permission_denied',
];
/** Google answers a wrong key with status 400. */
const refusedKeyLabels = ['api_key_invalid', 'api_key_expired', 'api_key_service_blocked'];
const timeoutLabels = ['timeout_error', 'deadline_exceeded'];
const missingLabels = ['not_found_error', 'not_found'];
const inputLabels = [
  'invalid_request_error',
  'invalid_argument',
  'failed_precondition',
  'out_of_range',
  'invalid_image',
  'invalid_image_format',
  'invalid_base64_image',
  'invalid_image_url',
  'image_too_large',
  'image_parse_error',
  'unsupported_image_media_type',
];
const overloadLabels = ['overloaded_error', 'overloaded', 'unavailable', 'service_unavailable', 'engine_overloaded'];
const modelLabels = ['model_not_found', 'model_not_available'];

const messages: Partial<Record<ErrorCode, string>> = {
  upstream_unauthorized: 'The provider refused the credential of the gateway.',
  upstream_rate_limited: 'The provider is limiting the gateway.',
  upstream_overloaded: 'The provider is overloaded.',
  upstream_error: 'The provider failed.',
  upstream_timeout: 'The provider gave up waiting.',
  context_too_long: 'The input does not fit the context window of the model.',
  content_refused: 'The provider refused for reasons of content policy.',
  model_not_found: 'The provider does not know this model.',
  upstream_rejected: 'The provider refused the request.',
};

/** The typed error for a refusal. Only `upstream_rejected` quotes the provider, redacted and cut to 300 characters. */
export function classifyProviderFailure(failure: ProviderFailure): UpstreamError {
  const words = readWords(failure.body);
  const status = failure.status ?? words.status;
  const code = classify(status, words, failure.body);
  let message = messages[code] ?? 'The provider failed.';
  if (code === 'upstream_rejected') {
    const quoted = redactProviderMessage(words.message, failure.secrets);
    if (quoted !== '') message = `The provider refused the request: ${quoted}`;
  }
  return new UpstreamError(code, message, { status, retryAfterMs: failure.retryAfterMs });
}

function classify(status: number | undefined, words: ProviderWords, body: string): ErrorCode {
  const labelled = (labels: readonly string[]) => words.labels.some((label) => labels.includes(label));
  if (labelled(refusalLabels)) return 'content_refused';
  const mayBlameInput = status === undefined || (status >= 400 && status < 500 && status !== 401 && status !== 429);
  if (labelled(contextLabels)) return 'context_too_long';
  if (mayBlameInput && contextPhrases.test(words.message === '' ? body : words.message)) return 'context_too_long';
  if (labelled(modelLabels)) return 'model_not_found';
  if (status === 413) return 'context_too_long';
  if (labelled(refusedKeyLabels)) return 'upstream_unauthorized';
  if (status === 401 || status === 403) return 'upstream_unauthorized';
  if (labelled(limitLabels) || status === 429) return 'upstream_rate_limited';
  if (status === 503 || status === 529 || labelled(overloadLabels)) return 'upstream_overloaded';
  if (status === 404 || (status === undefined && labelled(missingLabels))) {
    return /model/i.test(words.message) ? 'model_not_found' : 'upstream_rejected';
  }
  if (status === 408 || labelled(timeoutLabels)) return 'upstream_timeout';
  if (status !== undefined && status >= 300 && status < 500) return 'upstream_rejected';
  if (status === undefined && labelled(credentialLabels)) return 'upstream_unauthorized';
  if (status === undefined && labelled(inputLabels)) return 'upstream_rejected';
  return 'upstream_error';
}

/**
 * Reads the shapes in use: `{error: {message, type, code}}` (OpenAI and most), `{error: "text"}` (Ollama),
 * `{message, code, object: "error"}` (vLLM, Mistral), `{type: "error", code, message}` (events of OpenAI's responses),
 * `{type: "error", error: {type, message}}` (Anthropic), `{detail}` (FastAPI), and Google's
 * `[{error: {code, status, message, details: [{reason}]}}]`.
 */
function readWords(body: string): ProviderWords {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { message: body.trimStart().startsWith('<') ? '' : body, labels: [], status: undefined };
  }
  if (Array.isArray(value)) value = value[0];
  const outer = asRecord(value);
  const inner = asRecord(outer['error']);
  const innerError = asRecord(inner['innererror']);
  const message = firstText(inner['message'], outer['error'], outer['message'], outer['detail']) ?? '';
  const labels: string[] = [];
  for (const label of [
    inner['code'],
    inner['type'],
    inner['status'],
    innerError['code'],
    outer['code'],
    outer['type'],
  ]) {
    if (typeof label === 'string') labels.push(label.toLowerCase());
  }
  for (const detail of Array.isArray(inner['details']) ? (inner['details'] as unknown[]) : []) {
    const { reason } = asRecord(detail);
    if (typeof reason === 'string') labels.push(reason.toLowerCase());
  }
  return { message, labels, status: firstStatus(inner['code'], inner['status'], outer['code'], outer['status']) };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}

function firstStatus(...values: readonly unknown[]): number | undefined {
  for (const value of values) {
    const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600) return status;
  }
  return undefined;
}
