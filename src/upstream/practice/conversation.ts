import type { ToolDefinition, UpstreamRequest } from '../contract.ts';
import { contentText } from '../message-text.ts';
import { describeMedia } from './describe-media.ts';

const practiceCommands = ['help', 'echo', 'error', 'long', 'markdown', 'reason', 'slow', 'tool'] as const;

type PracticeCommand = (typeof practiceCommands)[number];

/** What the practice model understands of a request. */
export interface Conversation {
  /** 1 for the first user message. */
  turnNumber: number;
  /** The user's last words without the command. */
  words: string;
  /** What the user sent with them; empty for nothing. */
  media: string;
  command: PracticeCommand | undefined;
  tool: ToolDefinition | undefined;
  /** Set when the last message is the result of a tool. */
  toolResult: { name: string; output: string } | undefined;
}

const commandPattern = new RegExp(`(?:^|\\s)/(${practiceCommands.join('|')})(?![\\w/])[ \\t]*`, 'i');

export function readConversation(request: UpstreamRequest): Conversation {
  const userContents = request.messages.flatMap((message) => (message.role === 'user' ? [message.content] : []));
  const lastContent = userContents.at(-1) ?? '';
  const lastText = contentText(lastContent);
  const found = commandPattern.exec(lastText);
  const last = request.messages.at(-1);
  const words =
    found === null ? lastText : lastText.slice(0, found.index) + lastText.slice(found.index + found[0].length);
  return {
    turnNumber: Math.max(userContents.length, 1),
    words: words.trim(),
    media: describeMedia(lastContent),
    command: found?.[1]?.toLowerCase() as PracticeCommand | undefined,
    tool: request.tools?.[0],
    toolResult: last?.role === 'tool' ? { name: last.name, output: last.output } : undefined,
  };
}
