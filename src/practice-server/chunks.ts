import { tokenTexts } from './answer-tokens.ts';

/** Bytes that are made once per model: a token's event costs a lookup and a write. */
export interface ModelChunks {
  /** By number of the token (`tokenTexts`). */
  readonly tokens: readonly Buffer[];
  readonly role: Buffer;
  text(text: string): Buffer;
  finish(reason: 'stop' | 'length'): Buffer;
  usage(promptTokens: number, completionTokens: number): Buffer;
  readonly done: Buffer;
}

const known = new Map<string, ModelChunks>();
/** Names of models come from clients. */
const maxKnown = 64;

/** The events of https://platform.openai.com/docs/api-reference/chat/streaming, framed as parts of a chunked body. */
export function chunksOf(model: string): ModelChunks {
  const found = known.get(model);
  if (found !== undefined) return found;
  const event = (fields: object): Buffer =>
    framed(
      `data: ${JSON.stringify({ id: 'chatcmpl-practice', object: 'chat.completion.chunk', created: 1_700_000_000, model, ...fields })}\n\n`,
    );
  const choice = (delta: object, finishReason: string | null = null): Buffer =>
    event({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
  const chunks: ModelChunks = {
    tokens: tokenTexts.map((content) => choice({ content })),
    role: choice({ role: 'assistant', content: '' }),
    text: (content) => choice({ content }),
    finish: (reason) => choice({}, reason),
    usage: (promptTokens, completionTokens) => event({ choices: [], usage: usageOf(promptTokens, completionTokens) }),
    done: framed('data: [DONE]\n\n'),
  };
  if (known.size < maxKnown) known.set(model, chunks);
  return chunks;
}

/** Counts the way OpenAI reports them. */
export function usageOf(promptTokens: number, completionTokens: number): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** One part of a body with `transfer-encoding: chunked` (RFC 9112, 7.1). */
export function framed(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}
