import type { ToolDefinition, UpstreamRequest } from '../contract.ts';
import { messageText } from '../message-text.ts';

const practiceCommands = ['help', 'echo', 'error', 'long', 'markdown', 'reason', 'slow', 'tool'] as const;

type PracticeCommand = (typeof practiceCommands)[number];

/** What the practice model understands of a request. */
export interface Conversation {
  /** 1 for the first user message. */
  turnNumber: number;
  /** The user's last words without the command. */
  words: string;
  command: PracticeCommand | undefined;
  tool: ToolDefinition | undefined;
  /** Set when the last message is the result of a tool. */
  toolResult: { name: string; output: string } | undefined;
}

const commandPattern = new RegExp(`(?:^|\\s)/(${practiceCommands.join('|')})(?![\\w/])[ \\t]*`, 'i');

export function readConversation(request: UpstreamRequest): Conversation {
  const userTexts = request.messages.flatMap((message) => (message.role === 'user' ? [messageText(message)] : []));
  const lastText = userTexts.at(-1) ?? '';
  const found = commandPattern.exec(lastText);
  const last = request.messages.at(-1);
  const words =
    found === null ? lastText : lastText.slice(0, found.index) + lastText.slice(found.index + found[0].length);
  return {
    turnNumber: Math.max(userTexts.length, 1),
    words: words.trim(),
    command: found?.[1]?.toLowerCase() as PracticeCommand | undefined,
    tool: request.tools?.[0],
    toolResult: last?.role === 'tool' ? { name: last.name, output: last.output } : undefined,
  };
}
