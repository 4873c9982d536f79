import {
  type ResponseFormat,
  type ToolChoice,
  type ToolDefinition,
  UpstreamError,
  type UpstreamMessage,
  type UpstreamPart,
  type UpstreamRequest,
} from '../contract.ts';
import { fileName } from '../file-name.ts';
import { jsonSchemaFormat } from '../json-schema-format.ts';
import { needsCompletionBound } from '../openai-models.ts';
import type { BodyMessage, BodyPart, BodyTool, ChatBody, ReasoningEffort } from './body.ts';

/**
 * How a server takes the beginning of an answer to go on with. `trailing`: a last message of the assistant is enough
 * (llama.cpp, LM Studio, OpenRouter for models that can); `prefix`: it is marked `"prefix": true` (DeepSeek under /beta,
 * Mistral); `continue_final_message`: as vLLM and SGLang name it.
 */
export type AssistantPrefix = 'none' | 'trailing' | 'prefix' | 'continue_final_message';

export type MaxTokensField = 'max_tokens' | 'max_completion_tokens';

export interface RequestBodyOptions {
  maxTokensField: MaxTokensField;
  /** Ask for a usage chunk with `stream_options`. */
  includeUsage: boolean;
  assistantPrefix: AssistantPrefix;
  /** Whether to send `prompt_cache_key`, which other servers may refuse. */
  sendsCacheKey: boolean;
}

const audioFormats: Readonly<Record<string, 'wav' | 'mp3'>> = {
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
};

/**
 * The field for the output bound. Elsewhere `max_tokens` is understood everywhere; Azure names deployments freely, so
 * there it has to be configured.
 */
export function chooseMaxTokensField(
  hostname: string,
  model: string,
  configured: MaxTokensField | undefined,
): MaxTokensField {
  if (configured !== undefined) return configured;
  return hostname === 'api.openai.com' && needsCompletionBound(model) ? 'max_completion_tokens' : 'max_tokens';
}

/** @throws UpstreamError input_unsupported for a part that the wire has no place for */
export function createRequestBody(request: UpstreamRequest, options: RequestBodyOptions): ChatBody {
  const { params } = request;
  const prefix = request.continuesAnswer === true ? options.assistantPrefix : 'none';
  const messages = request.messages.map(mapMessage);
  const last = messages.at(-1);
  if (prefix === 'prefix' && last?.role === 'assistant') last.prefix = true;
  // An empty list is refused by OpenAI.
  const tools = request.tools !== undefined && request.tools.length > 0 ? request.tools.map(mapTool) : undefined;
  return {
    model: request.model,
    messages,
    ...(prefix === 'continue_final_message' ? { continue_final_message: true, add_generation_prompt: false } : {}),
    stream: true,
    stream_options: options.includeUsage ? { include_usage: true } : undefined,
    temperature: params.temperature,
    top_p: params.topP,
    [options.maxTokensField]: params.maxOutputTokens,
    stop: params.stop !== undefined && params.stop.length > 0 ? [...params.stop] : undefined,
    seed: params.seed,
    frequency_penalty: params.frequencyPenalty,
    presence_penalty: params.presencePenalty,
    // Whatever the provider calls it: new levels come with new models.
    reasoning_effort: params.reasoningEffort as ReasoningEffort | undefined,
    response_format: mapFormat(params.responseFormat),
    tools,
    tool_choice: tools === undefined ? undefined : mapToolChoice(params.toolChoice),
    prompt_cache_key: options.sendsCacheKey ? request.cacheKey : undefined,
  };
}

function mapMessage(message: UpstreamMessage): BodyMessage {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.text };
    case 'user': {
      if (typeof message.content === 'string') return { role: 'user', content: message.content };
      // Several servers take text only; one part is the same as text.
      const [only, ...others] = message.content;
      const isText = only?.type === 'text' && others.length === 0;
      return { role: 'user', content: isText ? only.text : message.content.map(mapPart) };
    }
    case 'assistant': {
      const calls = message.toolCalls ?? [];
      if (calls.length === 0) return { role: 'assistant', content: message.text };
      return {
        role: 'assistant',
        content: message.text === '' ? null : message.text,
        tool_calls: calls.map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.arguments },
        })),
      };
    }
    case 'tool':
      return { role: 'tool', tool_call_id: message.call, content: message.output };
  }
}

function mapPart(part: UpstreamPart): BodyPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image_url', image_url: { url: 'url' in part ? part.url : dataUrl(part) } };
    case 'audio': {
      const format = audioFormats[part.mediaType];
      if (format === undefined) {
        throw new UpstreamError('input_unsupported', 'This model takes audio as WAV or MP3 only.');
      }
      return { type: 'input_audio', input_audio: { data: part.data, format } };
    }
    case 'file':
      return { type: 'file', file: { filename: fileName(part), file_data: dataUrl(part) } };
  }
}

function dataUrl(part: { mediaType: string; data: string }): string {
  return `data:${part.mediaType};base64,${part.data}`;
}

function mapFormat(format: ResponseFormat | undefined): ChatBody['response_format'] {
  if (format === undefined || format.type === 'text') return undefined;
  if (format.type === 'json') return { type: 'json_object' };
  return { type: 'json_schema', json_schema: jsonSchemaFormat(format) };
}

function mapToolChoice(choice: ToolChoice | undefined): ChatBody['tool_choice'] {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice;
}

function mapTool(tool: ToolDefinition): BodyTool {
  return {
    type: 'function',
    function: {
      name: tool.name,
      description: tool.description,
      // Some servers refuse a function without a schema.
      parameters: tool.parameters ?? { type: 'object', properties: {} },
    },
  };
}
