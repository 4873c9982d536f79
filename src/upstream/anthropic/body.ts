/** What is sent to POST /messages. Source: https://docs.anthropic.com/en/api/messages */
export interface MessagesBody {
  model: string;
  max_tokens: number;
  stream: true;
  system?: TextBlock[] | undefined;
  messages: BodyMessage[];
  temperature?: number | undefined;
  top_p?: number | undefined;
  stop_sequences?: string[] | undefined;
  thinking?: Thinking | undefined;
  output_config?: OutputConfig | undefined;
  tools?: BodyTool[] | undefined;
  tool_choice?: BodyToolChoice | undefined;
}

export interface BodyMessage {
  role: 'user' | 'assistant';
  content: BodyBlock[];
}

export interface CacheControl {
  type: 'ephemeral';
}

export interface TextBlock {
  type: 'text';
  text: string;
  cache_control?: CacheControl | undefined;
}

export type ImageMediaType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp';

export type UserBlock =
  | TextBlock
  | {
      type: 'image';
      source: { type: 'base64'; media_type: ImageMediaType; data: string } | { type: 'url'; url: string };
      cache_control?: CacheControl | undefined;
    }
  | {
      type: 'document';
      source:
        | { type: 'base64'; media_type: 'application/pdf'; data: string }
        | { type: 'text'; media_type: 'text/plain'; data: string };
      title?: string | undefined;
      cache_control?: CacheControl | undefined;
    }
  | {
      type: 'tool_result';
      tool_use_id: string;
      content?: string | undefined;
      cache_control?: CacheControl | undefined;
    };

export type AssistantBlock =
  | TextBlock
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };

export type BodyBlock = UserBlock | AssistantBlock;

export type Thinking =
  | { type: 'enabled'; budget_tokens: number }
  | { type: 'adaptive'; display: 'summarized' }
  | { type: 'disabled' };

export interface OutputConfig {
  effort?: 'low' | 'medium' | 'high' | 'xhigh' | 'max' | undefined;
  format?: { type: 'json_schema'; schema: Record<string, unknown> } | undefined;
}

export interface BodyTool {
  name: string;
  description?: string | undefined;
  input_schema: { type: 'object'; [keyword: string]: unknown };
  cache_control?: CacheControl | undefined;
}

export type BodyToolChoice = { type: 'auto' | 'any' | 'none' } | { type: 'tool'; name: string };
