import type { Settings } from '../../protocol/frames/common.ts';
import { type CountTokens, messageOverheadTokens, replyPrimerTokens, toolDefinitionTokens } from './message-tokens.ts';
import type { SessionContext } from './session-context.ts';

/**
 * About how many tokens the window of a turn will have, before it is built: nearly always what it comes to, and never more than it
 * may have.
 */
export async function estimateWindow(
  context: SessionContext,
  settings: Settings,
  {
    tools,
    inputTokens,
    maxTokens,
    count,
  }: {
    tools: Settings['tools'];
    inputTokens: number;
    /** Budget of the window. */
    maxTokens: number;
    count: CountTokens;
  },
): Promise<number> {
  const system = settings.system ?? undefined;
  const turns = await context.read(maxTokens);
  const before = turns.reduce((sum, turn) => sum + turn.tokens, 0);
  const systemTokens = system === undefined ? 0 : count(system) + messageOverheadTokens;
  const tokens =
    replyPrimerTokens + systemTokens + toolDefinitionTokens(tools ?? undefined, count) + inputTokens + before;
  return Math.min(tokens, Math.max(maxTokens, inputTokens));
}
