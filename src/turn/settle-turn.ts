import type { Timing, Usage } from '../../protocol/frames/common.ts';
import type { Source } from '../../protocol/frames/turn.ts';
import { messageOverheadTokens, messageTokens } from '../context/message-tokens.ts';
import { answerMessages } from '../context/turn-messages.ts';
import { nanoPerUsd } from '../limits/meters.ts';
import type { TurnAccount } from '../limits/turn-account.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { LiveTurn, Session } from '../session/session.ts';
import type { EndResult, TurnEntry, TurnRecord } from '../store/contract.ts';
import type { Ending, ModelTokens, TurnEnvironment } from './contract.ts';
import type { TurnMachine } from './turn-machine.ts';
import type { TurnOutput } from './turn-output.ts';

/** Wait before the store is asked again; it grows, since all turns that end meanwhile ask. */
const retryMs = 100;
const maxRetryMs = 1_000;

/** What of a turn its end needs. */
export interface EndingTurn extends LiveTurn {
  readonly session: Session;
  readonly record: TurnRecord;
  readonly machine: TurnMachine;
  readonly inputTokens: number;
  readonly output: TurnOutput | undefined;
  readonly tokens: ModelTokens;
  readonly account: TurnAccount | undefined;
  /** Monotonic milliseconds. */
  readonly acceptedMs: number;
  readonly startedMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly sources: Source[];
  finalUsage(): Usage;
}

/**
 * Stores the one end of a turn and then shows it. `turn.ended` is placed first, so that nothing overtakes it; the
 * store is called once everything before it is durable, until it answers.
 */
export async function settleTurn(environment: TurnEnvironment, turn: EndingTurn, ending: Ending): Promise<void> {
  const { session } = turn;
  const usage = turn.finalUsage();
  // a turn that reached no upstream cost nothing
  const costNano = turn.account === undefined ? 0 : turn.account.costNano;
  const heard = ending.heard === undefined ? undefined : Math.min(ending.heard, session.log.head);
  const ended = session.log.appendHeld({
    t: 'turn.ended',
    turn: turn.id,
    status: ending.status,
    reason: ending.reason,
    message: ending.message,
    heard,
    sources: turn.sources.length === 0 ? undefined : turn.sources,
    limit: ending.limit,
    usage,
    costUsd: costNano === undefined ? undefined : costNano / nanoPerUsd,
    timing: timingOf(environment, turn),
  });
  // what it spent is in the ledger before anybody sees that it is over
  const settled = untilAnswered(environment, turn, undefined, async () => turn.account?.settle());
  await session.whenDurable(ended.pos);
  await settled;
  if (session.erased) return turn.account?.forget();
  const events = session.log.eventsOf(turn.id);
  const entry: TurnEntry = {
    turn: turn.id,
    fingerprint: turn.record.fingerprint,
    events,
    inputTokens: turn.inputTokens,
    outputTokens: answerTokens(turn, events, heard),
    heard,
  };
  const request = {
    entry,
    status: ending.status,
    head: ended.pos + 1,
    unfinishedFrom: unfinishedFrom(session, turn),
    ...session.key,
  };
  const result = await untilAnswered<EndResult>(environment, turn, { outcome: 'unknown' }, () =>
    environment.store.end(request),
  );
  turn.machine.enter('ended');
  turn.account?.forget();
  logEnd(environment, turn, ended);
  session.turnLeft(turn.id);
  if (session.erased) return;
  if (result.outcome === 'unknown' || result.outcome === 'fenced') return environment.turnForgotten(turn);
  session.finishedTurns++;
  environment.contextOf(session).add(entry);
  session.confirm(ended);
  const next =
    result.outcome === 'ended'
      ? result.next
      : (await untilAnswered(environment, turn, undefined, () => environment.store.readSession(session.key)))?.running;
  environment.turnEnded(turn, session, next);
}

function unfinishedFrom(session: Session, ended: LiveTurn): number | undefined {
  const positions = [...session.turns.values()].filter((turn) => turn !== ended).map((turn) => turn.position);
  const known = positions.filter((position) => position !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function logEnd(environment: TurnEnvironment, turn: EndingTurn, ended: LogEvent): void {
  if (ended.t !== 'turn.ended') return;
  const { tenant, session } = turn.session.key;
  const { status, reason, usage, costUsd, timing } = ended;
  environment.accounting.metrics.turnEnded(status);
  environment.logger.info({ tenant, session, turn: turn.id, status, reason, usage, costUsd, timing }, 'turn ended');
}

/**
 * Repeats until the store answers, or the session is erased: the end is decided, and the store takes it once however
 * often it is asked.
 */
async function untilAnswered<Result>(
  environment: TurnEnvironment,
  turn: EndingTurn,
  erased: Result,
  ask: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      environment.logger.error({ turn: turn.id, error }, 'the end of a turn could not be stored yet');
      const waitMs = Math.min(maxRetryMs, retryMs * 2 ** attempt);
      await new Promise((resolve) => environment.clock.setTimer(() => resolve(undefined), waitMs));
      if (turn.session.erased) return erased;
    }
  }
}

/** Tokens of the answer as later windows hold it. */
export function answerTokens(
  turn: Pick<EndingTurn, 'output' | 'tokens'>,
  events: readonly LogEvent[],
  heard: number | undefined,
): number {
  const plain = heard === undefined && !events.some((event) => event.t === 'tool.call');
  if (plain)
    return turn.output === undefined || turn.output.textTokens === 0
      ? 0
      : turn.output.textTokens + messageOverheadTokens;
  return answerMessages(events, heard).reduce((sum, message) => sum + messageTokens(message, turn.tokens.count), 0);
}

function timingOf(environment: TurnEnvironment, turn: EndingTurn): Timing {
  const nowMs = environment.clock.now();
  const { acceptedMs, startedMs, firstTokenMs } = turn;
  return {
    queuedMs: Math.round((startedMs ?? nowMs) - acceptedMs),
    firstTokenMs: firstTokenMs === undefined ? undefined : Math.round(firstTokenMs - acceptedMs),
    totalMs: Math.round(nowMs - acceptedMs),
  };
}
