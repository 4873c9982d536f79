import type { ToolDefinition, UpstreamMessage } from '../upstream/contract.ts';
import { messageText } from '../upstream/message-text.ts';
import { mediaTokens } from './media-tokens.ts';

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

/** Role, separators and the like around each message, in tokens (OpenAI's cookbook “How to count tokens”). */
export const messageOverheadTokens = 4;
/** The reply is primed with this many. */
export const replyPrimerTokens = 3;

/** Tokens of one message as a provider counts it, the overhead included. */
export function messageTokens(message: UpstreamMessage, count: CountTokens): number {
  return count(messageText(message)) + tokensBesideText(message);
}

/** Tokens of a message that are not its text: the overhead, and what its media take. */
export function tokensBesideText(message: UpstreamMessage): number {
  const media = message.role === 'user' && typeof message.content !== 'string' ? message.content : [];
  return messageOverheadTokens + mediaTokens(media);
}

export function toolDefinitionTokens(tools: readonly ToolDefinition[] | undefined, count: CountTokens): number {
  if (tools === undefined || tools.length === 0) return 0;
  return count(JSON.stringify(tools));
}
