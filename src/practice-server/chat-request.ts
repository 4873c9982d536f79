import { countTokens } from '../tokens/count-tokens.ts';

/** What of a request decides its answer. */
export interface ChatRequest {
  model: string;
  stream: boolean;
  includeUsage: boolean;
  maxTokens: number;
  /** The beginning of the answer, where the last message is the assistant's. */
  prefix: string;
  /** Tokens of all texts in the messages, by o200k_base; counted when asked for, as it takes time. */
  promptTokens(): number;
}

interface Body {
  model?: unknown;
  stream?: unknown;
  stream_options?: { include_usage?: unknown } | null;
  max_tokens?: unknown;
  max_completion_tokens?: unknown;
  messages?: unknown;
}

/** Answers a sentence about what is wrong with the body, where something is. */
export function readChatRequest(text: string): ChatRequest | string {
  let body: Body;
  try {
    body = JSON.parse(text) as Body;
  } catch {
    return 'The body is not valid JSON.';
  }
  if (typeof body !== 'object' || body === null) return 'The body must be an object.';
  if (!Array.isArray(body.messages)) return 'Missing required parameter: messages.';
  const messages = body.messages as { role?: unknown; content?: unknown }[];
  const last = messages.at(-1);
  const bound = body.max_completion_tokens ?? body.max_tokens;
  return {
    model: typeof body.model === 'string' ? body.model.slice(0, 256) : 'practice',
    stream: body.stream === true,
    includeUsage: body.stream_options?.include_usage === true,
    maxTokens: typeof bound === 'number' && bound >= 1 ? Math.floor(bound) : Number.POSITIVE_INFINITY,
    prefix: last?.role === 'assistant' && typeof last.content === 'string' ? last.content : '',
    promptTokens: () => messages.reduce((sum, message) => sum + tokensOf(message?.content), 0),
  };
}

function tokensOf(content: unknown): number {
  if (typeof content === 'string') return countTokens('o200k_base', content);
  if (!Array.isArray(content)) return 0;
  const texts = content.map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : ''));
  return texts.reduce((sum, text) => sum + countTokens('o200k_base', text), 0);
}
