import type { ToolDefinition, UpstreamMessage } from '../upstream/contract.ts';

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

/** Role, separators and the like around each message, in tokens (OpenAI's cookbook “How to count tokens”). */
export const messageOverheadTokens = 4;
/** The reply is primed with this many. */
export const replyPrimerTokens = 3;

/** Tokens of one message as a provider counts it, the overhead included. */
export function messageTokens(message: UpstreamMessage, count: CountTokens): number {
  return messageOverheadTokens + count(messageText(message));
}

export function toolDefinitionTokens(tools: readonly ToolDefinition[] | undefined, count: CountTokens): number {
  if (tools === undefined || tools.length === 0) return 0;
  return count(JSON.stringify(tools));
}

function messageText(message: UpstreamMessage): string {
  switch (message.role) {
    case 'system':
      return message.text;
    case 'user':
      return typeof message.content === 'string'
        ? message.content
        : message.content.map((part) => part.text).join('\n');
    case 'assistant':
      return message.text + (message.toolCalls ?? []).map((call) => call.name + call.arguments).join('');
    case 'tool':
      return message.output;
  }
}
