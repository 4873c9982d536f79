import type { ResponseFormat, ToolChoice, UpstreamMessage, UpstreamPart, UpstreamRequest } from '../contract.ts';
import type { CallOptions, PromptMessage, ProviderOptions, SpecificationVersion } from './language-model.ts';
import { nativePartsOf } from './native-parts.ts';

export interface CallContext {
  version: SpecificationVersion;
  provider: string;
  headers: Readonly<Record<string, string>>;
  providerOptions: ProviderOptions | undefined;
  abortSignal: AbortSignal;
}

/** A request as `doStream` takes it. */
export function createCallOptions(request: UpstreamRequest, context: CallContext): CallOptions {
  const { params, tools } = request;
  const hasTools = tools !== undefined && tools.length > 0;
  return {
    prompt: createPrompt(request.messages, context),
    abortSignal: context.abortSignal,
    headers: context.headers,
    providerOptions: context.providerOptions,
    maxOutputTokens: params.maxOutputTokens,
    temperature: params.temperature,
    topP: params.topP,
    stopSequences: params.stop === undefined ? undefined : [...params.stop],
    seed: params.seed,
    frequencyPenalty: params.frequencyPenalty,
    presencePenalty: params.presencePenalty,
    // the versions before have no place for it: there it goes with `providerOptions`
    ...(context.version === 'v4' ? { reasoning: params.reasoningEffort } : {}),
    responseFormat: mapFormat(params.responseFormat),
    tools: hasTools
      ? tools.map(({ name, description, parameters }) => ({
          type: 'function',
          name,
          description,
          inputSchema: parameters ?? { type: 'object', properties: {} },
        }))
      : undefined,
    toolChoice: hasTools ? mapToolChoice(params.toolChoice) : undefined,
  };
}

function createPrompt(messages: readonly UpstreamMessage[], context: CallContext): PromptMessage[] {
  const prompt: PromptMessage[] = [];
  for (const message of messages) {
    switch (message.role) {
      case 'system':
        prompt.push({ role: 'system', content: message.text });
        break;
      case 'user': {
        const parts = typeof message.content === 'string' ? [textPart(message.content)] : message.content;
        prompt.push({ role: 'user', content: parts.map((part) => mapPart(part, context.version)) });
        break;
      }
      case 'assistant':
        prompt.push({ role: 'assistant', content: assistantContent(message, context.provider) });
        break;
      case 'tool': {
        const output = { type: 'text', value: message.output };
        const result = { type: 'tool-result', toolCallId: message.call, toolName: message.name, output };
        // results of one round are one message
        const last = prompt.at(-1);
        if (last?.role === 'tool') (last.content as Record<string, unknown>[]).push(result);
        else prompt.push({ role: 'tool', content: [result] });
      }
    }
  }
  return prompt;
}

function assistantContent(
  message: Extract<UpstreamMessage, { role: 'assistant' }>,
  provider: string,
): Record<string, unknown>[] {
  const native = nativePartsOf(message, provider);
  const content: Record<string, unknown>[] = (native?.reasoning ?? []).map((part) => ({ type: 'reasoning', ...part }));
  if (message.text !== '') content.push({ ...textPart(message.text), ...withOptions(native?.text) });
  for (const { id, name, arguments: json } of message.toolCalls ?? []) {
    const call = { type: 'tool-call', toolCallId: id, toolName: name, input: JSON.parse(json) as unknown };
    content.push({ ...call, ...withOptions(native?.calls[id]) });
  }
  return content;
}

function withOptions(providerOptions: ProviderOptions | undefined): { providerOptions?: ProviderOptions } {
  return providerOptions === undefined ? {} : { providerOptions };
}

function textPart(text: string): { type: 'text'; text: string } {
  return { type: 'text', text };
}

function mapPart(part: UpstreamPart, version: SpecificationVersion): Record<string, unknown> {
  if (part.type === 'text') return textPart(part.text);
  if ('url' in part) {
    const url = new URL(part.url);
    // which type it is, the model or its provider finds out
    return { type: 'file', mediaType: 'image/*', data: version === 'v4' ? { type: 'url', url } : url };
  }
  const data = version === 'v4' ? { type: 'data', data: part.data } : part.data;
  const filename = part.type === 'file' ? part.name : undefined;
  return { type: 'file', mediaType: part.mediaType, data, ...(filename === undefined ? {} : { filename }) };
}

function mapFormat(format: ResponseFormat | undefined): object | undefined {
  switch (format?.type) {
    case 'json':
      return { type: 'json' };
    case 'json_schema':
      return { type: 'json', schema: format.schema, ...(format.name === undefined ? {} : { name: format.name }) };
    default:
      return format;
  }
}

function mapToolChoice(choice: ToolChoice | undefined): object | undefined {
  if (choice === undefined) return undefined;
  return typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.name };
}
