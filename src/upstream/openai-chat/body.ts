import type { JsonSchemaFormat } from '../json-schema-format.ts';

/** What is sent to POST /chat/completions. Source: https://platform.openai.com/docs/api-reference/chat/create */
export interface ChatBody {
  model: string;
  messages: BodyMessage[];
  stream: true;
  stream_options?: { include_usage: true } | undefined;
  temperature?: number | undefined;
  top_p?: number | undefined;
  max_tokens?: number | undefined;
  max_completion_tokens?: number | undefined;
  stop?: string[] | undefined;
  seed?: number | undefined;
  frequency_penalty?: number | undefined;
  presence_penalty?: number | undefined;
  reasoning_effort?: ReasoningEffort | undefined;
  response_format?: { type: 'json_object' } | { type: 'json_schema'; json_schema: JsonSchemaFormat } | undefined;
  tools?: BodyTool[] | undefined;
  tool_choice?: 'auto' | 'none' | 'required' | { type: 'function'; function: { name: string } } | undefined;
  prompt_cache_key?: string | undefined;
  /** vLLM and SGLang. */
  continue_final_message?: true | undefined;
  add_generation_prompt?: false | undefined;
}

export type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh';

export type BodyMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | BodyPart[] }
  | {
      role: 'assistant';
      content: string | null;
      tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[] | undefined;
      /** DeepSeek and Mistral. */
      prefix?: true | undefined;
    }
  | { role: 'tool'; tool_call_id: string; content: string };

export type BodyPart =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'input_audio'; input_audio: { data: string; format: 'wav' | 'mp3' } }
  | { type: 'file'; file: { filename: string; file_data: string } };

export interface BodyTool {
  type: 'function';
  function: { name: string; description?: string | undefined; parameters: Record<string, unknown> };
}
