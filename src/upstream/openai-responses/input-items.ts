import { type UpstreamMessage, UpstreamError, type UpstreamPart, type UpstreamToolCall } from '../contract.ts';
import { fileName } from '../file-name.ts';
import type { InputItem, InputPart } from './body.ts';
import { readNative } from './native.ts';

type Answer = Extract<UpstreamMessage, { role: 'assistant' }>;

/**
 * The conversation without its system text.
 *
 * @throws UpstreamError input_unsupported for a part that the Responses API has no place for
 */
export function mapInput(messages: readonly UpstreamMessage[], model: string): InputItem[] {
  return messages.flatMap((message): InputItem[] => {
    switch (message.role) {
      case 'system':
        return [];
      case 'user':
        return [
          {
            role: 'user',
            content: typeof message.content === 'string' ? message.content : message.content.map(mapPart),
          },
        ];
      case 'assistant':
        return mapAnswer(message, model);
      case 'tool':
        return [{ type: 'function_call_output', call_id: message.call, output: message.output }];
    }
  });
}

/** In the order in which the model gave its items, where that is known; else the text and then the calls. */
function mapAnswer(message: Answer, model: string): InputItem[] {
  const calls = new Map((message.toolCalls ?? []).map((call) => [call.id, call]));
  const native = readNative(message.native, model);
  const texts = native.filter((item) => item.type === 'message');
  // A text that was changed since cannot be parted again; all of it is what the model said at last.
  const isParted = texts.reduce((sum, { length }) => sum + length, 0) === message.text.length;
  const items: InputItem[] = [];
  let at = 0;
  for (const item of native) {
    if (item.type === 'reasoning') {
      const summary = item.summary.map((text) => ({ type: 'summary_text' as const, text }));
      items.push({ ...item, summary });
    } else if (item.type === 'message') {
      const isLast = item === texts.at(-1);
      const text = isParted ? message.text.slice(at, at + item.length) : isLast ? message.text : '';
      at += item.length;
      if (text !== '') items.push({ role: 'assistant', content: text, ...(item.phase ? { phase: item.phase } : {}) });
    } else {
      const call = calls.get(item.call_id);
      calls.delete(item.call_id);
      if (call !== undefined) items.push(mapCall(call));
    }
  }
  if (texts.length === 0 && message.text !== '') items.push({ role: 'assistant', content: message.text });
  items.push(...[...calls.values()].map(mapCall));
  return items.filter((item, index) => !isReasoning(item) || isFollowed(items, index));
}

/** Reasoning without the item that it led to is refused. */
function isFollowed(items: readonly InputItem[], index: number): boolean {
  return items.slice(index + 1).some((item) => !isReasoning(item));
}

function isReasoning(item: InputItem): boolean {
  return 'type' in item && item.type === 'reasoning';
}

function mapCall(call: UpstreamToolCall): InputItem {
  return { type: 'function_call', call_id: call.id, name: call.name, arguments: call.arguments };
}

function mapPart(part: UpstreamPart): InputPart {
  switch (part.type) {
    case 'text':
      return { type: 'input_text', text: part.text };
    case 'image':
      return {
        type: 'input_image',
        image_url: 'url' in part ? part.url : `data:${part.mediaType};base64,${part.data}`,
        detail: 'auto',
      };
    case 'file':
      return {
        type: 'input_file',
        filename: fileName(part),
        file_data: `data:${part.mediaType};base64,${part.data}`,
      };
    case 'audio':
      throw new UpstreamError('input_unsupported', 'This model does not take audio.');
  }
}
