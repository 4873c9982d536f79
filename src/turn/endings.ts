import type { Refusal } from '../limits/refusal.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { StoreError } from '../store/store-error.ts';
import { UpstreamError } from '../upstream/contract.ts';
import type { Ending } from './contract.ts';
import { UnpaidCall } from './estimate.ts';

export const tooLong: Ending = {
  status: 'limited',
  reason: 'max_output_tokens',
  message: 'The answer reached its limit of output tokens.',
};

export const nodeLost: Ending = {
  status: 'interrupted',
  reason: 'node_lost',
  message: 'The node that ran the turn stopped; what was said until then is kept.',
};

export const contentRefused: Ending = {
  status: 'failed',
  reason: 'content_refused',
  message: 'The provider stopped the answer for reasons of content policy.',
};

/** The end of a turn that nobody pays for any more. */
export function unpaid({ code, message, limit, scope, retryAfterMs }: Refusal): Ending {
  return {
    status: code === 'store_unavailable' ? 'failed' : 'limited',
    reason: code,
    message,
    ...(limit === undefined || scope === undefined
      ? {}
      : { limit: { name: limit, scope, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } }),
  };
}

/** The end that an error makes; undefined for one that nobody expected, which is told to the operator alone. */
export function endingOf(error: unknown): Ending | undefined {
  if (error instanceof UnpaidCall) return unpaid(error.refusal);
  if (error instanceof UpstreamError || error instanceof ProtocolError)
    return { status: 'failed', reason: error.code, message: error.message };
  if (error instanceof StoreError)
    return { status: 'failed', reason: 'store_unavailable', message: 'The session could not be read.' };
  return undefined;
}
