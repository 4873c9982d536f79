import type { WindowReport } from '../../protocol/frames/turn.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { messageOverheadTokens, replyPrimerTokens } from './message-tokens.ts';

/** A finished turn as windows hold it; its tokens were counted when it ended. */
export interface WindowTurn {
  tokens: number;
  messages: readonly UpstreamMessage[];
}

export interface WindowRequest {
  policy: 'sliding' | 'none';
  maxTokens: number;
  system: string | undefined;
  systemTokens: number;
  /** Tokens of the tool definitions. */
  toolTokens: number;
  input: UpstreamMessage;
  inputTokens: number;
  /** Finished turns, newest last, at least as many as fit the budget. */
  turns: readonly WindowTurn[];
  /** Finished turns of the session in total. */
  totalTurns: number;
}

export interface Window {
  messages: UpstreamMessage[];
  report: WindowReport;
  /** The input does not fit, or `none` was asked and something had to be left out. */
  overflows: boolean;
}

/**
 * Chooses what of a session is sent for a turn: the system text, the newest whole turns that fit the budget, the
 * input. Nothing is counted here; the cost depends on the turns kept, not on the length of the session.
 */
export function buildWindow(request: WindowRequest): Window {
  const { turns, maxTokens, system } = request;
  const systemTokens = system === undefined ? 0 : request.systemTokens + messageOverheadTokens;
  let tokens = replyPrimerTokens + systemTokens + request.toolTokens + request.inputTokens;
  const overBudget = tokens > maxTokens;
  let first = turns.length;
  while (first > 0 && tokens + turns[first - 1]!.tokens <= maxTokens) {
    first--;
    tokens += turns[first]!.tokens;
  }
  const kept = turns.slice(first);
  const messages: UpstreamMessage[] = system === undefined ? [] : [{ role: 'system', text: system }];
  for (const turn of kept) messages.push(...turn.messages);
  messages.push(request.input);
  // a turn that has just ended may be among the kept ones before it is among the counted
  const dropped = Math.max(0, request.totalTurns - kept.length);
  return {
    messages,
    report: { turns: kept.length, tokens, dropped, maxTokens },
    overflows: overBudget || (request.policy === 'none' && dropped > 0),
  };
}
