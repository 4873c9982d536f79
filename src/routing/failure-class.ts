import type { ErrorCode } from '../../protocol/error-codes.ts';
import type { FailureClass } from './contract.ts';

const classes: Partial<Record<ErrorCode, FailureClass>> = {
  upstream_rate_limited: 'rateLimit',
  upstream_overloaded: 'overload',
  overloaded: 'overload',
  upstream_unavailable: 'overload',
  upstream_timeout: 'timeout',
  upstream_unreachable: 'error',
  upstream_error: 'error',
  upstream_truncated: 'error',
  upstream_malformed: 'error',
  upstream_too_large: 'error',
  upstream_unauthorized: 'unauthorized',
  model_not_found: 'modelNotFound',
  context_too_long: 'contextTooLong',
  content_refused: 'contentPolicy',
  upstream_rejected: 'rejected',
  input_unsupported: 'rejected',
  output_invalid: 'schema',
};

/** Undefined for faults of the gateway itself, which no other upstream mends. */
export function failureClassOf(code: ErrorCode): FailureClass | undefined {
  return classes[code];
}

/** A fallback that does not say what it is for is for these: what another upstream may well do better, and costs nothing. */
export const usualFallbackClasses: readonly FailureClass[] = [
  'rateLimit',
  'overload',
  'timeout',
  'error',
  'unauthorized',
  'modelNotFound',
];

/** Whether the same request may fare better a moment later, or with another target of the group. */
export function isWorthRetrying(failure: FailureClass): boolean {
  return failure === 'rateLimit' || failure === 'overload' || failure === 'timeout' || failure === 'error';
}

/** Whether it says something about the health of the upstream. A limit is not illness: it has its own rest. */
export function isIllness(failure: FailureClass): boolean {
  return failure === 'overload' || failure === 'timeout' || failure === 'error' || failure === 'unauthorized';
}
