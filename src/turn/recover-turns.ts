import type { Usage } from '../../protocol/frames/common.ts';
import { inParallel } from '../lib/in-parallel.ts';
import { type Accounting, accountOf } from '../limits/accounting.ts';
import { nanoPerUsd } from '../limits/meters.ts';
import { messageTokens } from '../context/message-tokens.ts';
import { answerMessages, userMessage } from '../context/turn-messages.ts';
import type { LogEvent, UnplacedEvent } from '../session/log-event.ts';
import { lengthOf, mergeEvents } from '../session/log-event.ts';
import { standing } from '../session/standing.ts';
import type { OrphanedSession, SessionKey, Store, TurnRecord } from '../store/contract.ts';
import type { ModelTokens } from './contract.ts';
import { addRows, lostCall } from './lost-call.ts';
import { TurnUsage } from './turn-usage.ts';

export interface RecoveryOptions {
  store: Store;
  tokensFor(model: string): ModelTokens;
  accounting: Accounting;
  /** Goes on with a session's turns, if they are to go on; false: they are to be ended. */
  adopt?(orphan: OrphanedSession): Promise<boolean>;
}

/** Their clients wait, and each takes some answers of the store. */
const sessionsAtOnce = 32;

/**
 * Takes up the turns that a dead process left, with the text that clients may have seen: they go on here, or each is
 * ended once, as `interrupted`. Answers how many were ended.
 */
export async function recoverTurns(options: RecoveryOptions, orphans: readonly OrphanedSession[]): Promise<number> {
  const ended = await inParallel(orphans, sessionsAtOnce, async (orphan) =>
    ((await options.adopt?.(orphan)) ?? false) ? 0 : endOrphan(options, orphan),
  );
  return ended.reduce((sum, count) => sum + count, 0);
}

async function endOrphan(options: RecoveryOptions, orphan: OrphanedSession): Promise<number> {
  const { session, unfinished } = orphan;
  let head = orphan.head;
  // those that waited first: ending the running one would let the next of them run
  for (const record of [...unfinished].reverse()) {
    const events = orphan.events.filter((event) => event.turn === record.turn);
    const place = (event: UnplacedEvent): void => {
      events.push({ ...event, pos: head } as LogEvent);
      head += lengthOf(event);
    };
    if (!events.some((event) => event.t === 'turn.accepted')) {
      place({ t: 'turn.accepted', turn: record.turn, input: record.frame.input, at: record.acceptedAt });
    }
    for (const call of openCalls(events)) {
      place({
        t: 'tool.result',
        turn: record.turn,
        call,
        error: 'The turn ended before the tool answered: interrupted.',
      });
    }
    const { usage, costNano } = await closeAccount(options, session, record, events);
    place({
      t: 'turn.ended',
      turn: record.turn,
      status: 'interrupted',
      reason: 'node_lost',
      message: 'The node that ran the turn stopped; what was said until then is kept.',
      usage,
      ...(costNano === undefined ? {} : { costUsd: costNano / nanoPerUsd }),
      // the clock of a dead process is unknown
      timing: { queuedMs: 0, totalMs: 0 },
    });
    await options.store.end({
      tenant: session.tenant,
      session: session.session,
      entry: {
        turn: record.turn,
        fingerprint: record.fingerprint,
        events: mergeEvents(events),
        inputTokens: messageTokens(userMessage(record.frame.input), tokensOf(options, events).count),
        outputTokens: answerMessages(events).reduce(
          (sum, message) => sum + messageTokens(message, tokensOf(options, events).count),
          0,
        ),
      },
      status: 'interrupted',
      head,
    });
    await options.accounting.store.forgetAccounts(session.tenant, [accountOf(session.session, record.turn)]);
  }
  return unfinished.length;
}

/** Puts the call that was under way into the ledger and gives back what the turn did not spend. Repeating it is harmless. */
async function closeAccount(
  options: RecoveryOptions,
  { tenant, session }: SessionKey,
  { turn, who }: TurnRecord,
  events: readonly LogEvent[],
): Promise<{ usage: Usage; costNano: number | undefined }> {
  const { accounting } = options;
  const stored = await accounting.takeOver({ tenant, session, turn, spender: who, maxCostUsd: undefined });
  const account = accounting.turn({ tenant, session, turn, spender: who, maxCostUsd: undefined });
  if (stored !== undefined) account.restore(stored);
  const usage = new TurnUsage();
  addRows(usage, stored);
  const tokens = tokensOf(options, events);
  const routed = events.findLast((event) => event.t === 'turn.routed');
  if (routed?.t === 'turn.routed') {
    const lastDelta = events.findLast((event) => event.t === 'delta');
    const reasoning = events.map((event) => (event.t === 'delta' && event.kind === 'reasoning' ? event.text : ''));
    const said = {
      routed,
      output: lastDelta?.t === 'delta' ? lastDelta.tokens : 0,
      reasoning: tokens.count(reasoning.join('')),
      isExact: tokens.exact,
    };
    const lost = lostCall(said, stored);
    if (lost !== undefined) {
      usage.add(undefined, lost.counted);
      const price = accounting.priceOf({ upstream: { name: routed.upstream }, model: routed.model });
      account.end({ input: lost.counted.input, price }, lost.report);
    }
  }
  if (stored?.isSettled !== true) await account.settle();
  return { usage: usage.total(tokens.exact), costNano: account.costNano };
}

function tokensOf(options: RecoveryOptions, events: readonly LogEvent[]): ModelTokens {
  const routed = events.findLast((event) => event.t === 'turn.routed');
  return options.tokensFor(routed?.t === 'turn.routed' ? routed.model : '');
}

function openCalls(events: readonly LogEvent[]): string[] {
  const stands = standing(events);
  const closed = new Set(stands.filter((event) => event.t === 'tool.result').map((event) => event.call));
  return stands
    .filter((event) => event.t === 'tool.call' && !closed.has(event.call))
    .map((event) => (event as { call: string }).call);
}
