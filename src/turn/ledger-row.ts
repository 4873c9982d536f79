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
  const counted: UpstreamUsage = { ...own, cached: 0 };
  const { input, output, reasoning, cached, cacheWrite = 0 } = usage ?? counted;
  return {
    kind,
    status,
    upstream,
    model,
    input,
    output,
    reasoning,
    cached,
    cacheWrite,
    source: usage === undefined ? (isExact ? 'counted' : 'estimated') : 'provider',
    totalMs: Math.round(totalMs),
    ...(usage === undefined ? {} : { counted: own }),
    ...(code === undefined ? {} : { code }),
    ...(way.route === undefined ? {} : { route: way.route }),
    ...(way.variant === undefined ? {} : { variant: way.variant }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(firstTokenMs) }),
  };
}
