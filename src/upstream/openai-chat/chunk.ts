/**
 * The parts of a chat-completions chunk that are read, as they are found in the wild; every field may be missing or of
 * another type, so all of them are unknown until looked at.
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming and recorded streams of other providers.
 */
export interface ChatChunk {
  choices?: readonly ChatChoice[] | null;
  usage?: unknown;
  /** Groq repeats or replaces `usage` here. */
  x_groq?: { usage?: unknown } | null;
  error?: unknown;
  /** vLLM marks an error event with `object: "error"` instead of an `error` field. */
  object?: unknown;
  /** Perplexity: addresses, and the same with titles; the whole list in every chunk. */
  citations?: unknown;
  search_results?: unknown;
}

export interface ChatChoice {
  index?: unknown;
  delta?: ChatDelta | null;
  /** The non-streamed shape. */
  message?: ChatDelta | null;
  finish_reason?: unknown;
  /** Moonshot reports usage in the choice. */
  usage?: unknown;
}

export interface ChatDelta {
  /** Text, or an array of parts as Mistral sends when the model thinks. */
  content?: unknown;
  /** DeepSeek, xAI, vLLM, llama.cpp. */
  reasoning_content?: unknown;
  /** Groq, OpenRouter, Ollama. */
  reasoning?: unknown;
  refusal?: unknown;
  /** `{type: "url_citation", url_citation: {url, title}}`: OpenAI's search models, OpenRouter. */
  annotations?: unknown;
  tool_calls?: readonly ToolCallPiece[] | null;
  /** The shape before tool calls existed. */
  function_call?: ToolCallPiece['function'];
}

export interface ToolCallPiece {
  index?: unknown;
  id?: unknown;
  function?: { name?: unknown; arguments?: unknown } | null;
}

/** A part of an array `content`; `thinking` holds text, or text parts (Mistral). */
export interface ContentPart {
  type?: unknown;
  text?: unknown;
  thinking?: unknown;
}
