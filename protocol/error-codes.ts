/**
 * The closed list of error codes. A code says what happened; `retryable` says whether the same request may be sent
 * again unchanged. Adding, removing or renaming a code changes the wire and needs a version entry.
 */
export const errorCodes = {
  // the frame itself
  malformed_message: { retryable: false },
  invalid_frame: { retryable: false },
  unknown_frame: { retryable: false },
  not_ready: { retryable: false },
  // identity
  unauthorized: { retryable: false },
  forbidden: { retryable: false },
  // sessions
  session_not_found: { retryable: false },
  alias_in_use: { retryable: false },
  alias_unknown: { retryable: false },
  invalid_settings: { retryable: false },
  // turns
  idempotency_conflict: { retryable: false },
  stale_base: { retryable: false },
  turn_in_progress: { retryable: true },
  queue_full: { retryable: true },
  turn_not_found: { retryable: false },
  input_too_large: { retryable: false },
  input_unsupported: { retryable: false },
  context_too_long: { retryable: false },
  tool_call_unknown: { retryable: false },
  model_not_found: { retryable: false },
  route_not_found: { retryable: false },
  // limits
  rate_limited: { retryable: true },
  budget_exceeded: { retryable: false },
  price_unknown: { retryable: false },
  overloaded: { retryable: true },
  draining: { retryable: true },
  store_unavailable: { retryable: true },
  // upstreams
  upstream_unreachable: { retryable: true },
  upstream_unauthorized: { retryable: false },
  upstream_rejected: { retryable: false },
  upstream_rate_limited: { retryable: true },
  upstream_overloaded: { retryable: true },
  upstream_error: { retryable: true },
  upstream_timeout: { retryable: true },
  upstream_truncated: { retryable: true },
  upstream_malformed: { retryable: true },
  upstream_too_large: { retryable: false },
  upstream_unavailable: { retryable: true },
  content_refused: { retryable: false },
  output_invalid: { retryable: false },
  // the gateway
  internal: { retryable: true },
} as const satisfies Record<string, { retryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

// marked pure, so that a browser bundle that does not use it leaves it out
export const errorCodeNames = /* @__PURE__ */ Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
