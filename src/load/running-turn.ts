import { drawWhole } from './distribution.ts';
import type { InputTexts } from './input-texts.ts';
import type { Metrics } from './metrics.ts';
import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';

/** A turn that a user has begun, and what it means to do with it. */
export interface RunningTurn {
  id: string;
  input: string;
  intendedMs: number;
  isAccepted: boolean;
  firstMs: number | undefined;
  lastMs: number;
  tokens: number;
  /** Tokens; never: Infinity. */
  cancelAfter: number;
  dropAfter: number;
  cancelledMs: number | undefined;
}

export function drawTurn(
  { scenario, inputs, newTurnId }: { scenario: Scenario; inputs: InputTexts; newTurnId: () => string },
  random: Random,
  intendedMs: number,
): RunningTurn {
  const { cancel, reconnect } = scenario;
  return {
    id: newTurnId(),
    input: inputs.take(drawWhole(scenario.inputTokens, random, 1), random),
    intendedMs,
    isAccepted: false,
    firstMs: undefined,
    lastMs: 0,
    tokens: 0,
    cancelAfter: cancel !== undefined && random() < cancel.share ? drawWhole(cancel.afterTokens, random, 0) : Infinity,
    dropAfter:
      reconnect !== undefined && random() < reconnect.share ? drawWhole(reconnect.afterTokens, random, 0) : Infinity,
    cancelledMs: undefined,
  };
}

/** A piece of a turn's text has come. */
export function recordDelta(
  turn: RunningTurn,
  { tokens, atMs, isMeasured }: { tokens: number; atMs: number; isMeasured: boolean },
  metrics: Metrics,
  tenantName: string,
): void {
  const tenant = metrics.tenant(tenantName);
  if (turn.firstMs === undefined) {
    turn.firstMs = atMs;
    if (isMeasured) {
      metrics.timings.firstToken.record(atMs - turn.intendedMs);
      tenant.firstToken.record(atMs - turn.intendedMs);
    }
  } else if (isMeasured) {
    metrics.timings.gap.record(atMs - turn.lastMs);
  }
  turn.lastMs = atMs;
  const added = Math.max(0, tokens - turn.tokens);
  metrics.counts.tokens += added;
  tenant.tokens += added;
  turn.tokens = tokens;
}
