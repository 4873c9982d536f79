import type { ToolDefinition, UpstreamMessage, UpstreamRequest } from '../contract.ts';
import { needsCompletionBound } from '../openai-models.ts';

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
}

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

/** The JSON body of POST /chat/completions. Source: https://platform.openai.com/docs/api-reference/chat/create */
export function createRequestBody(request: UpstreamRequest, options: RequestBodyOptions): string {
  const { params } = request;
  const prefix = request.continuesAnswer === true ? options.assistantPrefix : 'none';
  const messages = request.messages.map(mapMessage);
  if (prefix === 'prefix') messages.push({ ...messages.pop(), prefix: true });
  return JSON.stringify({
    model: request.model,
    messages,
    ...(prefix === 'continue_final_message' ? { continue_final_message: true, add_generation_prompt: false } : {}),
    stream: true,
    stream_options: options.includeUsage ? { include_usage: true } : undefined,
    temperature: params.temperature,
    top_p: params.topP,
    [options.maxTokensField]: params.maxOutputTokens,
    stop: params.stop !== undefined && params.stop.length > 0 ? params.stop : undefined,
    seed: params.seed,
    frequency_penalty: params.frequencyPenalty,
    presence_penalty: params.presencePenalty,
    reasoning_effort: params.reasoningEffort,
    // An empty list is refused by OpenAI.
    tools: request.tools !== undefined && request.tools.length > 0 ? request.tools.map(mapTool) : undefined,
  });
}

function mapMessage(message: UpstreamMessage): Record<string, unknown> {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.text };
    case 'user': {
      // Several servers take text only; one part is the same as text.
      const [only, ...others] = typeof message.content === 'string' ? [] : message.content;
      const isText = only?.type === 'text' && others.length === 0;
      return { role: 'user', content: isText ? only.text : message.content };
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

function mapTool(tool: ToolDefinition): Record<string, unknown> {
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
