import type { JsonSchemaFormat } from '../json-schema-format.ts';
import type { MessagePhase } from './native.ts';

/** What is sent to POST /responses. Source: https://platform.openai.com/docs/api-reference/responses/create */
export interface ResponsesBody {
  model: string;
  instructions?: string | undefined;
  input: InputItem[];
  stream: true;
  store: boolean;
  include?: 'reasoning.encrypted_content'[] | undefined;
  temperature?: number | undefined;
  top_p?: number | undefined;
  max_output_tokens?: number | undefined;
  reasoning?: { effort?: ReasoningEffort | undefined; summary?: ReasoningSummary | undefined } | undefined;
  text?: { format: { type: 'json_object' } | ({ type: 'json_schema' } & JsonSchemaFormat) } | undefined;
  tools?: BodyTool[] | undefined;
  tool_choice?: 'auto' | 'none' | 'required' | { type: 'function'; name: string } | undefined;
  prompt_cache_key?: string | undefined;
}

export type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh';
export type ReasoningSummary = 'auto' | 'concise' | 'detailed';

export type InputItem =
  | { role: 'user'; content: string | InputPart[] }
  | { role: 'assistant'; content: string; phase?: MessagePhase | undefined }
  | { type: 'reasoning'; id: string; summary: { type: 'summary_text'; text: string }[]; encrypted_content: string }
  | { type: 'function_call'; call_id: string; name: string; arguments: string }
  | { type: 'function_call_output'; call_id: string; output: string };

export type InputPart =
  | { type: 'input_text'; text: string }
  | { type: 'input_image'; image_url: string; detail: 'auto' }
  | { type: 'input_file'; filename: string; file_data: string };

export interface BodyTool {
  type: 'function';
  name: string;
  description?: string | undefined;
  parameters: Record<string, unknown>;
  /** Demanded by the API, which would take it for true; then most schemas would be refused. */
  strict: boolean;
}
