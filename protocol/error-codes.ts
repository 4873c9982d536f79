/**
 * The closed list of error codes. A code says what happened; `retryable` says whether the same request may be sent
 * again unchanged. Adding, removing or renaming a code changes the wire and needs a version entry.
 */
export const errorCodes = {
  // the frame itself
  malformed_message: { retryable: false, meaning: 'The message could not be decoded.' },
  invalid_frame: { retryable: false, meaning: 'A field is missing or has the wrong type.' },
  unknown_frame: { retryable: false, meaning: 'The frame type is not part of this protocol version.' },
  not_ready: { retryable: false, meaning: 'A frame came before hello was answered.' },
  // identity
  unauthorized: { retryable: false, meaning: 'The credential is missing, wrong or expired.' },
  forbidden: { retryable: false, meaning: 'The identity may not do this.' },
  // sessions
  session_not_found: { retryable: false, meaning: 'No such session, or it belongs to someone else.' },
  alias_in_use: { retryable: false, meaning: 'The alias already follows another session on this socket.' },
  alias_unknown: { retryable: false, meaning: 'No session is attached under this alias.' },
  invalid_settings: { retryable: false, meaning: 'The settings were refused.' },
  // turns
  idempotency_conflict: { retryable: false, meaning: 'The turn id was already used with another input.' },
  stale_base: { retryable: false, meaning: 'The session moved on since the head given as base.' },
  turn_in_progress: { retryable: true, meaning: 'Another turn is running and onBusy is reject.' },
  queue_full: { retryable: true, meaning: 'Too many turns wait in this session.' },
  turn_not_found: { retryable: false, meaning: 'No such turn in this session.' },
  input_too_large: { retryable: false, meaning: 'The input is larger than the gateway or the window allows.' },
  context_too_long: { retryable: false, meaning: 'The input does not fit the context window of the model.' },
  tool_call_unknown: { retryable: false, meaning: 'No such tool call is open.' },
  model_not_found: { retryable: false, meaning: 'No configured upstream serves this model.' },
  route_not_found: { retryable: false, meaning: 'No route of this name is configured.' },
  // limits
  rate_limited: { retryable: true, meaning: 'A limit was reached; retryAfterMs says when to try again.' },
  overloaded: { retryable: true, meaning: 'The gateway is at its capacity.' },
  draining: { retryable: true, meaning: 'The node is going away; send this on another connection.' },
  store_unavailable: { retryable: true, meaning: 'The store cannot be written now.' },
  // upstreams
  upstream_unreachable: { retryable: true, meaning: 'No connection to the provider could be made.' },
  upstream_unauthorized: { retryable: false, meaning: 'The provider refused the credential of the gateway.' },
  upstream_rejected: { retryable: false, meaning: 'The provider refused the request.' },
  upstream_rate_limited: { retryable: true, meaning: 'The provider is limiting the gateway.' },
  upstream_overloaded: { retryable: true, meaning: 'The provider is overloaded.' },
  upstream_error: { retryable: true, meaning: 'The provider failed.' },
  upstream_timeout: { retryable: true, meaning: 'The provider was silent for too long.' },
  upstream_truncated: { retryable: true, meaning: 'The stream of the provider ended without its terminal marker.' },
  upstream_malformed: { retryable: true, meaning: 'The stream of the provider could not be read.' },
  upstream_too_large: { retryable: false, meaning: 'The provider sent more than the gateway accepts.' },
  content_refused: { retryable: false, meaning: 'The provider refused for reasons of content policy.' },
  // the gateway
  internal: { retryable: true, meaning: 'The gateway failed; the log has the details.' },
} as const satisfies Record<string, { retryable: boolean; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

export const errorCodeNames = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
