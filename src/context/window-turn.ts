import type { WindowReport } from '../../protocol/frames/turn.ts';
import { endOfAll, type SentWindow } from '../session/log-event.ts';
import type { TurnEntry } from '../store/contract.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { answerMessages, userMessage } from './turn-messages.ts';

/** A finished turn as windows hold it; its tokens were counted when it ended. */
export interface WindowTurn {
  turn: string;
  /** Position after the turn's last event. */
  end: number;
  tokens: number;
  messages: readonly UpstreamMessage[];
  /** Position up to which it was heard, where that was noted after its end. */
  heard?: number | undefined;
  /** The window the turn itself was answered in; absent when it reached no upstream. */
  own?: { report: WindowReport; sent: SentWindow | undefined } | undefined;
}

/** `heardThen`: where the past is looked at, what was known then of how far it was heard; null is all of it. */
export function windowTurnOf(entry: TurnEntry, heardThen?: number | null): WindowTurn {
  const heard = heardThen === undefined ? entry.heard : (heardThen ?? undefined);
  const accepted = entry.events.find((event) => event.t === 'turn.accepted');
  const routed = entry.events.find((event) => event.t === 'turn.routed');
  const last = entry.events.at(-1);
  const ended = last?.t === 'turn.ended' ? last : undefined;
  const answer = answerMessages(entry.events, heard);
  // a turn that failed before it said anything is usually asked again: its input would stand there twice
  const isEmpty = accepted === undefined || (answer.length === 0 && ended?.status === 'failed');
  return {
    turn: entry.turn,
    end: endOfAll(entry.events),
    tokens: isEmpty ? 0 : entry.inputTokens + entry.outputTokens,
    messages: isEmpty ? [] : [userMessage(accepted.input), ...answer],
    heard: heard === ended?.heard ? undefined : heard,
    own: routed === undefined ? undefined : { report: routed.window, sent: routed.sent },
  };
}
