import type { TurnFrame, WindowReport } from '../../protocol/frames/turn.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { toolDefinitionTokens } from '../context/message-tokens.ts';
import { systemWithSummary } from '../context/summary-text.ts';
import { userMessage } from '../context/turn-messages.ts';
import { buildWindow, type Window } from '../context/window.ts';
import type { RouteDecision } from '../routing/contract.ts';
import type { Session } from '../session/session.ts';
import type { StoredSummary, TurnRecord } from '../store/contract.ts';
import type { ModelTokens, TurnEnvironment } from './contract.ts';

/** What of a turn its window needs. */
export interface WindowedTurn {
  readonly session: Session;
  readonly frame: TurnRecord['frame'];
  readonly tokens: ModelTokens;
  readonly inputTokens: number;
  /** Upstream and model for which it is built. */
  readonly decision: Pick<RouteDecision, 'upstream' | 'model'> | undefined;
}

/** Builds the window of a turn by the session's policy. Throws `ProtocolError` `context_too_long`. */
export async function prepareWindow(
  environment: TurnEnvironment,
  { session, frame, tokens, inputTokens, decision }: WindowedTurn,
  tools: TurnFrame['tools'],
): Promise<Window> {
  const { settings } = session;
  const askedTokens = settings.window?.maxTokens ?? environment.limits.windowTokens;
  const contextTokens = decision === undefined ? undefined : environment.contextTokensOf?.(decision);
  const maxTokens = Math.min(askedTokens, contextTokens ?? askedTokens);
  const policy = settings.window?.policy ?? 'sliding';
  const context = environment.contextOf(session);
  context.forgetBefore(session.start);
  const system = settings.system ?? undefined;
  const [turns, pinned, systemId, summary] = await Promise.all([
    context.read(maxTokens),
    context.readPinned(session.pinned),
    system === undefined ? undefined : context.keepText(system),
    policy === 'summary' ? context.readSummary() : undefined,
  ]);
  const build = (stood: StoredSummary | undefined, fallback: WindowReport['fallback']): Window => {
    const text = systemWithSummary(system, stood?.text);
    return buildWindow({
      policy,
      maxTokens,
      system: text,
      systemTokens: text === undefined ? 0 : tokens.count(text),
      summary: stood,
      fallback,
      toolTokens: toolDefinitionTokens(tools, tokens.count),
      input: userMessage(frame.input),
      inputTokens,
      turns,
      pinned,
      totalTurns: session.finishedTurns,
    });
  };
  const failed = policy === 'summary' && environment.summaryFailed(session) ? 'summary_failed' : undefined;
  let window = build(summary, failed);
  const isTooLong = summary !== undefined && window.overflow !== undefined;
  if (isTooLong) window = build(undefined, 'summary_too_long');
  if (window.overflow !== undefined) throw new ProtocolError('context_too_long', sentences[window.overflow](maxTokens));
  const hasText = summary !== undefined && !isTooLong && summary.text !== '';
  const summaryId = hasText ? await context.keepText(summary.text) : undefined;
  return { ...window, sent: { ...window.sent, system: systemId, summary: summaryId } };
}

const sentences: Record<NonNullable<Window['overflow']>, (maxTokens: number) => string> = {
  input: (maxTokens) =>
    `The turn does not fit the window of ${maxTokens} tokens; shorten it, or raise window.maxTokens.`,
  pinned: (maxTokens) =>
    `The turn does not fit the window of ${maxTokens} tokens together with the pinned turns; unpin some, or raise window.maxTokens.`,
  history: (maxTokens) =>
    `The conversation does not fit the window of ${maxTokens} tokens, and policy “none” leaves nothing out; raise window.maxTokens, or choose another policy.`,
};
