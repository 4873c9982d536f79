import type { TurnInput } from '../../protocol/frames/common.ts';
import type { LogEvent } from '../session/log-event.ts';
import { endOf } from '../session/log-event.ts';
import { splitsPair } from '../session/session-log.ts';
import { standing } from '../session/standing.ts';
import type { NativeAnswer, UpstreamMessage, UpstreamToolCall } from '../upstream/contract.ts';
import { contentText } from '../upstream/message-text.ts';

/** The text of an input, its text parts joined by line breaks. */
export function inputText(input: TurnInput): string {
  return contentText(input);
}

/** Text alone is one string, however many parts it came in. */
export function userMessage(input: TurnInput): UpstreamMessage {
  const isText = typeof input === 'string' || input.every((part) => part.type === 'text');
  return { role: 'user', content: isText ? contentText(input) : input };
}

/** The text of a tool's result as the model reads it. */
export function toolOutputText(result: { output?: unknown; error?: string | undefined }): string {
  if (result.error !== undefined) return `Error: ${result.error}`;
  return typeof result.output === 'string' ? result.output : JSON.stringify(result.output ?? null);
}

/**
 * What the model said in a turn as messages, from the turn's events in log order: text and the tool calls of one round
 * together, then the results. Reasoning is left out, and what a restart dropped. `heard` cuts the answer at a position: what
 * the user did not hear or read is not part of later windows, and a call behind it goes together with its result.
 * `withNative`: with what the provider wants back while the same turn goes on.
 */
export function answerMessages(
  events: readonly LogEvent[],
  heard = Number.POSITIVE_INFINITY,
  withNative = false,
): UpstreamMessage[] {
  const messages: UpstreamMessage[] = [];
  const names = new Map<string, string>();
  let text = '';
  let calls: UpstreamToolCall[] = [];
  let native: NativeAnswer | undefined;
  const closeRound = (): void => {
    if (text !== '' || calls.length > 0) {
      const own = native === undefined ? {} : { native };
      messages.push(
        calls.length > 0 ? { role: 'assistant', text, toolCalls: calls, ...own } : { role: 'assistant', text },
      );
    }
    text = '';
    calls = [];
    native = undefined;
  };
  for (const event of standing(events)) {
    if (event.t === 'delta' && event.kind === undefined) {
      // half a character was not heard
      const until = splitsPair(event, heard) ? heard - 1 : heard;
      text += endOf(event) <= heard ? event.text : event.text.slice(0, Math.max(0, until - event.pos));
    } else if (event.t === 'tool.call' && event.pos < heard) {
      names.set(event.call, event.name);
      if (withNative) native ??= event.native;
      calls.push({ id: event.call, name: event.name, arguments: event.arguments });
    } else if (event.t === 'tool.result' && names.has(event.call)) {
      closeRound();
      messages.push({ role: 'tool', call: event.call, name: names.get(event.call)!, output: toolOutputText(event) });
    }
  }
  closeRound();
  return messages;
}
