import type { WindowPolicy } from '../../protocol/frames/common.ts';
import type { WindowReport } from '../../protocol/frames/turn.ts';
import type { SentWindow } from '../session/log-event.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { messageOverheadTokens, replyPrimerTokens } from './message-tokens.ts';
import type { WindowTurn } from './window-turn.ts';

/** What stands for older turns in a window. */
export interface WindowSummary {
  /** Position up to which it speaks. */
  end: number;
  /** Turns it stands for. */
  turns: number;
}

export interface WindowRequest {
  policy: WindowPolicy;
  maxTokens: number;
  /** System text, the summary included. */
  system: string | undefined;
  systemTokens: number;
  /** Set when the system text includes one. */
  summary?: WindowSummary | undefined;
  /** Why there is no summary, or an old one. */
  fallback?: WindowReport['fallback'];
  /** Tokens of the tool definitions. */
  toolTokens: number;
  input: UpstreamMessage;
  inputTokens: number;
  /** Finished turns, newest last, at least as many as fit the budget. */
  turns: readonly WindowTurn[];
  /** Turns that stay in every window, in log order. */
  pinned?: readonly WindowTurn[];
  /** Finished turns of the session in total. */
  totalTurns: number;
}

export interface Window {
  messages: UpstreamMessage[];
  report: WindowReport;
  sent: SentWindow;
  /** What does not fit; with `history`, `none` was asked and something had to be left out. */
  overflow: 'input' | 'pinned' | 'history' | undefined;
}

/** Of the room for earlier turns, the share that a trim leaves free, so that the next one is many turns away. */
const freedShare = 1 / 4;

/**
 * Chooses what of a session is sent for a turn: system text, pinned turns, the newest whole turns that fit the budget,
 * the input. Nothing is counted here; the cost depends on the turns kept, not on the length of the session.
 */
export function buildWindow(request: WindowRequest): Window {
  const { policy, maxTokens, system, summary, totalTurns } = request;
  const systemTokens = system === undefined ? 0 : request.systemTokens + messageOverheadTokens;
  const needed = replyPrimerTokens + systemTokens + request.toolTokens + request.inputTokens;
  // one that ended after the others were read belongs to the next window
  const newest = request.turns.at(-1)?.end ?? 0;
  const pinned = (request.pinned ?? []).filter((turn) => turn.end <= newest);
  const base = needed + pinned.reduce((sum, turn) => sum + turn.tokens, 0);
  const first = firstKept(request, pinned, base);
  const kept = request.turns.slice(first);
  const before = pinned.filter((turn) => turn.end < (kept[0]?.end ?? Number.POSITIVE_INFINITY));
  const isPinned = new Set(pinned.map((turn) => turn.turn));
  const messages: UpstreamMessage[] = system === undefined ? [] : [{ role: 'system', text: system }];
  let tokens = base;
  for (const turn of before) messages.push(...turn.messages);
  for (const turn of kept) {
    messages.push(...turn.messages);
    if (!isPinned.has(turn.turn)) tokens += turn.tokens;
  }
  messages.push(request.input);
  const unsummarised = before.filter((turn) => turn.end > (summary?.end ?? 0)).length + kept.length;
  // a turn that has just ended may be among the kept ones before it is among the counted
  const dropped = Math.max(0, totalTurns - (summary?.turns ?? 0) - unsummarised);
  // turns that were removed from the store are not there to be sent or summed up
  const isLeftOut = first > 0 && request.turns[first - 1]!.end > (summary?.end ?? 0);
  const pending = policy === 'summary' && isLeftOut ? 'summary_pending' : undefined;
  return {
    messages,
    report: {
      turns: before.length + kept.length,
      tokens,
      dropped,
      maxTokens,
      policy,
      pinned: pinned.length === 0 ? undefined : pinned.length,
      summarised: summary?.turns,
      fallback: request.fallback ?? pending,
    },
    sent: sentOf(before, kept),
    overflow: overflowOf(),
  };

  function overflowOf(): Window['overflow'] {
    if (needed > maxTokens) return 'input';
    if (base > maxTokens) return 'pinned';
    return policy === 'none' && isLeftOut ? 'history' : undefined;
  }
}

/**
 * Index of the oldest turn kept. It moves in jumps, so that from turn to turn a window begins with the same messages and
 * the provider's prompt cache holds: where the turn before began, as long as everything from there on fits; else so
 * that a share of the room is free again. Nothing but the log is needed for that, so every node decides alike.
 */
function firstKept(request: WindowRequest, pinned: readonly WindowTurn[], base: number): number {
  const { turns, maxTokens, policy } = request;
  const isPinned = new Set(pinned.map((turn) => turn.turn));
  const after = request.summary?.end ?? 0;
  const last = turns.findLast((turn) => turn.own !== undefined)?.own;
  const began = last?.sent?.turns?.[0];
  const roomy = maxTokens - (maxTokens - base) * freedShare;
  let tokens = base;
  let first = turns.length;
  let trimmed = turns.length;
  let same: number | undefined;
  while (first > 0 && turns[first - 1]!.end > after) {
    const turn = turns[first - 1]!;
    const cost = isPinned.has(turn.turn) ? 0 : turn.tokens;
    if (tokens + cost > maxTokens) break;
    tokens += cost;
    first--;
    if (tokens <= roomy || first === turns.length - 1) trimmed = first;
    if (turn.end === began) same = first;
  }
  const everything = first === 0 || turns[first - 1]!.end <= after;
  if (everything) return first;
  if (same === undefined) return trimmed;
  const isUnchanged = last?.report.maxTokens === maxTokens && last.report.policy === policy;
  // a larger budget may take more in again
  return isUnchanged ? same : Math.min(same, trimmed);
}

function sentOf(before: readonly WindowTurn[], kept: readonly WindowTurn[]): SentWindow {
  const heard: [number, number][] = [...before, ...kept].flatMap((turn) =>
    turn.heard === undefined ? [] : [[turn.end, turn.heard]],
  );
  return {
    pinned: before.length === 0 ? undefined : before.map((turn) => turn.end),
    turns: kept.length === 0 ? undefined : [kept[0]!.end, kept.at(-1)!.end],
    heard: heard.length === 0 ? undefined : heard,
  };
}
