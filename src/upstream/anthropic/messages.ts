import { argumentsObject } from '../arguments-object.ts';
import { type UpstreamMessage, UpstreamError, type UpstreamPart } from '../contract.ts';
import type { AssistantBlock, BodyBlock, BodyMessage, ImageMediaType, UserBlock } from './body.ts';
import { readNative } from './native.ts';

const imageTypes: readonly string[] = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] satisfies ImageMediaType[];

/**
 * The conversation without its system text. Neighbours of one role become one message: the results of parallel calls
 * have to stand together, right behind the calls. What would be empty is left out, for the provider refuses it.
 *
 * @throws UpstreamError input_unsupported for a part that Anthropic has no place for
 */
export function mapMessages(messages: readonly UpstreamMessage[]): BodyMessage[] {
  const mapped: BodyMessage[] = [];
  for (const message of messages) {
    if (message.role === 'system') continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = mapContent(message);
    if (content.length === 0) continue;
    const last = mapped.at(-1);
    if (last?.role === role) last.content.push(...content);
    else mapped.push({ role, content });
  }
  return mapped.map((message) =>
    message.role === 'user' ? { ...message, content: resultsFirst(message.content) } : message,
  );
}

/** The provider accepts any characters of an id but these; ids of calls made by others are changed alike everywhere. */
export function callId(id: string): string {
  return id.replace(/[^\w-]/g, '_');
}

function mapContent(message: Exclude<UpstreamMessage, { role: 'system' }>): BodyBlock[] {
  switch (message.role) {
    case 'user':
      return typeof message.content === 'string' ? textBlocks(message.content) : message.content.flatMap(mapPart);
    case 'assistant':
      return mapAnswer(message);
    case 'tool':
      return [
        {
          type: 'tool_result',
          tool_use_id: callId(message.call),
          ...(message.output.trim() === '' ? {} : { content: message.output }),
        },
      ];
  }
}

function mapAnswer(message: Extract<UpstreamMessage, { role: 'assistant' }>): AssistantBlock[] {
  const said: AssistantBlock[] = [
    ...textBlocks(message.text),
    ...(message.toolCalls ?? []).map(
      (call): AssistantBlock => ({
        type: 'tool_use',
        id: callId(call.id),
        name: call.name,
        input: argumentsObject(call.arguments),
      }),
    ),
  ];
  // A message of thinking alone is refused.
  return said.length === 0 ? [] : [...readNative(message.native), ...said];
}

function mapPart(part: UpstreamPart): UserBlock[] {
  switch (part.type) {
    case 'text':
      return textBlocks(part.text);
    case 'image':
      return [{ type: 'image', source: imageSource(part) }];
    case 'file':
      return [{ type: 'document', source: documentSource(part), ...(part.name ? { title: part.name } : {}) }];
    case 'audio':
      throw new UpstreamError('input_unsupported', 'This model does not take audio.');
  }
}

function imageSource(part: Extract<UpstreamPart, { type: 'image' }>): Extract<UserBlock, { type: 'image' }>['source'] {
  if ('url' in part) return { type: 'url', url: part.url };
  if (!isImageType(part.mediaType)) {
    throw new UpstreamError('input_unsupported', 'This model takes images as JPEG, PNG, GIF or WebP only.');
  }
  return { type: 'base64', media_type: part.mediaType, data: part.data };
}

function documentSource(
  part: Extract<UpstreamPart, { type: 'file' }>,
): Extract<UserBlock, { type: 'document' }>['source'] {
  if (part.mediaType === 'application/pdf') return { type: 'base64', media_type: part.mediaType, data: part.data };
  if (part.mediaType.startsWith('text/')) {
    const text = Buffer.from(part.data, 'base64').toString('utf8');
    if (text.trim() !== '') return { type: 'text', media_type: 'text/plain', data: text };
  }
  throw new UpstreamError('input_unsupported', 'This model takes files as PDF or text only.');
}

function isImageType(mediaType: string): mediaType is ImageMediaType {
  return imageTypes.includes(mediaType);
}

function textBlocks(text: string): [] | [{ type: 'text'; text: string }] {
  return text.trim() === '' ? [] : [{ type: 'text', text }];
}

/** Results come before anything else that a user says in the same message. */
function resultsFirst(blocks: readonly BodyBlock[]): BodyBlock[] {
  return [
    ...blocks.filter((block) => block.type === 'tool_result'),
    ...blocks.filter((block) => block.type !== 'tool_result'),
  ];
}
