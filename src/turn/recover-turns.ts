import { inParallel } from '../lib/in-parallel.ts';
import { messageTokens } from '../context/message-tokens.ts';
import { answerMessages, userMessage } from '../context/turn-messages.ts';
import type { LogEvent, UnplacedEvent } from '../session/log-event.ts';
import { lengthOf, mergeEvents } from '../session/log-event.ts';
import { standing } from '../session/standing.ts';
import type { OrphanedSession, Store, TurnRecord } from '../store/contract.ts';
import type { ModelTokens } from './contract.ts';

export interface RecoveryOptions {
  store: Store;
  tokensFor(model: string): ModelTokens;
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
    place(interruptedEnd(options, record, events));
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
  }
  return unfinished.length;
}

function interruptedEnd(options: RecoveryOptions, record: TurnRecord, events: readonly LogEvent[]): UnplacedEvent {
  const routed = events.findLast((event) => event.t === 'turn.routed');
  const lastDelta = events.findLast((event) => event.t === 'delta');
  const reasoning = events.filter((event) => event.t === 'delta' && event.kind === 'reasoning');
  const tokens = tokensOf(options, events);
  return {
    t: 'turn.ended',
    turn: record.turn,
    status: 'interrupted',
    reason: 'node_lost',
    message: 'The node that ran the turn stopped; what was said until then is kept.',
    usage: {
      input: routed?.t === 'turn.routed' ? routed.window.tokens : 0,
      output: lastDelta?.t === 'delta' ? lastDelta.tokens : 0,
      reasoning: tokens.count(reasoning.map((event) => (event.t === 'delta' ? event.text : '')).join('')),
      cached: 0,
      source: tokens.exact ? 'counted' : 'estimated',
    },
    // the clock of a dead process is unknown
    timing: { queuedMs: 0, totalMs: 0 },
  };
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
