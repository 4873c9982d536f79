import { argumentsObject } from '../arguments-object.ts';
import { type UpstreamMessage, UpstreamError, type UpstreamPart } from '../contract.ts';
import { isObject } from '../json-fields.ts';
import type { BodyContent, BodyPart } from './body.ts';
import { readNative } from './native.ts';

type Answer = Extract<UpstreamMessage, { role: 'assistant' }>;
type ToolResult = Extract<UpstreamMessage, { role: 'tool' }>;

/**
 * Gemini 3 refuses calls without a signature; calls that another model made are told so.
 * Source: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
const foreignCall = 'skip_thought_signature_validator';

/**
 * The conversation without its system text. Neighbours of one role become one content, so that the results of parallel
 * calls stand together, as many as there were calls.
 *
 * @throws UpstreamError input_unsupported for a part that Gemini has no place for
 */
export function mapContents(messages: readonly UpstreamMessage[], demandsSignatures: boolean): BodyContent[] {
  const contents: BodyContent[] = [];
  const providerIds = new Map<string, string>();
  for (const message of messages) {
    if (message.role === 'system') continue;
    const role = message.role === 'assistant' ? 'model' : 'user';
    const parts = mapMessage(message, demandsSignatures, providerIds);
    if (parts.length === 0) continue;
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else contents.push({ role, parts });
  }
  return contents;
}

function mapMessage(
  message: Exclude<UpstreamMessage, { role: 'system' }>,
  demandsSignatures: boolean,
  providerIds: Map<string, string>,
): BodyPart[] {
  switch (message.role) {
    case 'user':
      return typeof message.content === 'string' ? textParts(message.content) : message.content.flatMap(mapPart);
    case 'assistant':
      return mapAnswer(message, demandsSignatures, providerIds);
    case 'tool':
      return [mapResult(message, providerIds)];
  }
}

function mapAnswer(message: Answer, demandsSignatures: boolean, providerIds: Map<string, string>): BodyPart[] {
  const native = readNative(message.native);
  const parts: BodyPart[] = textParts(message.text);
  if (native.signature !== undefined) parts.push({ text: '', thoughtSignature: native.signature });
  for (const [index, call] of (message.toolCalls ?? []).entries()) {
    const known = native.calls.find((candidate) => candidate.call === call.id);
    if (known?.id !== undefined) providerIds.set(call.id, known.id);
    // Of parallel calls the first alone is signed.
    const signature = known?.signature ?? (demandsSignatures && index === 0 ? foreignCall : undefined);
    parts.push({
      functionCall: {
        name: call.name,
        args: argumentsObject(call.arguments),
        ...(known?.id === undefined ? {} : { id: known.id }),
      },
      ...(signature === undefined ? {} : { thoughtSignature: signature }),
    });
  }
  return parts;
}

function mapResult(message: ToolResult, providerIds: Map<string, string>): BodyPart {
  const id = providerIds.get(message.call);
  return {
    functionResponse: {
      name: message.name,
      response: responseObject(message.output),
      ...(id === undefined ? {} : { id }),
    },
  };
}

/** The API takes an object; one that a tool gave is passed on as it is. */
function responseObject(output: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(output);
    if (isObject(value)) return value;
  } catch {
    // Text is as good a result.
  }
  return { output };
}

function mapPart(part: UpstreamPart): BodyPart[] {
  switch (part.type) {
    case 'text':
      return textParts(part.text);
    case 'image':
      if ('url' in part) {
        throw new UpstreamError('input_unsupported', 'This model takes images as data only, not by address.');
      }
      return [{ inlineData: { mimeType: part.mediaType, data: part.data } }];
    case 'audio':
    case 'file':
      return [{ inlineData: { mimeType: part.mediaType, data: part.data } }];
  }
}

function textParts(text: string): BodyPart[] {
  return text === '' ? [] : [{ text }];
}
