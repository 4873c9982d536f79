import type { ErrorCode } from '../../protocol/error-codes.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { readMeterName } from './meters.ts';

/** Why a turn may not begin, or not go on. Told to the client as it is. */
export interface Refusal {
  code: Extract<
    ErrorCode,
    'rate_limited' | 'budget_exceeded' | 'price_unknown' | 'input_too_large' | 'store_unavailable'
  >;
  message: string;
  /** Name of the limit and what it is counted for. */
  limit?: string | undefined;
  scope?: string | undefined;
  retryAfterMs?: number | undefined;
}

const owners: Record<string, string> = {
  tenant: 'this tenant',
  key: 'this credential',
  user: 'this user',
  session: 'this session',
  address: 'this address',
  route: 'this route',
  turn: 'this turn',
};

const sentences: Record<string, string> = {
  turnsPerMinute: 'has sent as many turns as it may in a minute',
  turnsPerDay: 'has sent as many turns as it may today',
  inputTokensPerMinute: 'has used the input tokens that it may in a minute',
  inputTokensPerDay: 'has used its input tokens of today',
  outputTokensPerMinute: 'has used the output tokens that it may in a minute',
  outputTokensPerDay: 'has used its output tokens of today',
  costUsdPerHour: 'has spent its budget of this hour',
  costUsdPerDay: 'has spent its budget of today',
  costUsdPerMonth: 'has spent its budget of this month',
  concurrentTurns: 'has as many turns running as it may',
  sockets: 'has as many connections as it may',
  maxCostUsd: 'has spent the budget it was given',
};

/** What a full meter means to whoever asked. */
export function refusalOf(meter: string, retryAfterMs: number | undefined): Refusal {
  const { scope, limit } = readMeterName(meter);
  const isBudget = /^cost|PerDay$/.test(limit);
  const owner = owners[scope] ?? 'this credential';
  const what = sentences[limit] ?? 'has reached a limit';
  const isNever = retryAfterMs === undefined;
  const message = isNever
    ? `The limit ${limit} of ${owner} is too small for this request; the operator can raise it.`
    : `${owner[0]!.toUpperCase()}${owner.slice(1)} ${what}; try again later.`;
  return { code: isBudget || isNever ? 'budget_exceeded' : 'rate_limited', message, limit, scope, retryAfterMs };
}

export function errorOf({ code, message, retryAfterMs }: Refusal): ProtocolError {
  return new ProtocolError(code, message, { retryAfterMs });
}
