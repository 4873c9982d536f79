import type { UpstreamMessage, UpstreamPart } from './contract.ts';

/** The text of a message as the model would read it; images and the like are not part of it. */
export function messageText(message: UpstreamMessage): string {
  switch (message.role) {
    case 'system':
      return message.text;
    case 'user':
      return contentText(message.content);
    case 'assistant':
      return message.text + (message.toolCalls ?? []).map((call) => call.name + call.arguments).join('');
    case 'tool':
      return message.output;
  }
}

/** The text of a user's message, its text parts joined by line breaks. */
export function contentText(content: string | readonly UpstreamPart[]): string {
  if (typeof content === 'string') return content;
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}
