import type { CallReport } from '../limits/turn-account.ts';
import type { AttemptReport } from '../routing/attempt.ts';
import type { UpstreamUsage } from '../upstream/contract.ts';
import type { CountedCall } from './turn-usage.ts';

/** A call as the ledger has it: by the provider's figures where it gave them, else by the gateway's own count. */
export function rowOf(
  report: AttemptReport,
  usage: UpstreamUsage | undefined,
  own: CountedCall,
  isExact: boolean,
  way: { route?: string | undefined; variant?: string | undefined },
): Omit<CallReport, 'shown'> {
  const { kind, status, code, upstream, model, requestId, firstTokenMs, totalMs } = report;
  const { input, output, reasoning } = usage ?? own;
  return {
    kind,
    status,
    upstream,
    model,
    input,
    output,
    reasoning,
    cached: usage?.cached ?? 0,
    cacheWrite: usage?.cacheWrite ?? 0,
    source: usage === undefined ? (isExact ? 'counted' : 'estimated') : 'provider',
    totalMs: Math.round(totalMs),
    counted: usage === undefined ? undefined : own,
    code,
    route: way.route,
    variant: way.variant,
    requestId,
    firstTokenMs: firstTokenMs === undefined ? undefined : Math.round(firstTokenMs),
  };
}
