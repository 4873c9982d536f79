import type { DoubleRequest } from './double-request.ts';
import type { StreamPlan } from './plan.ts';

/** Writes chunks the way OpenAI does, with the plan's line ending. */
export function createChatFrames(request: DoubleRequest, plan: StreamPlan) {
  const eol = plan.lineEnding ?? '\n';
  const model = request.body.model ?? 'double';

  const raw = (data: string): string => `data: ${data}${eol}${eol}`;
  const json = (fields: Record<string, unknown>): string =>
    JSON.stringify({
      id: 'chatcmpl-double',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model,
      ...fields,
    });
  const choice = (delta: unknown, finishReason: string | null = null): string =>
    json({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }], usage: null });

  return {
    raw,
    comment: (): string => `: keep-alive${eol}${eol}`,
    textJson: (text: string): string => choice({ content: text }),
    role: (): string => raw(choice({ role: 'assistant', content: '', refusal: null })),
    text: (text: string): string => raw(choice({ content: text })),
    reasoning: (text: string): string => raw(choice({ reasoning_content: text })),
    empty: (): string => raw(choice({})),
    toolStart: (index: number, id: string, name: string): string =>
      raw(choice({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] })),
    toolPiece: (index: number, piece: string): string =>
      raw(choice({ tool_calls: [{ index, function: { arguments: piece } }] })),
    finish: (reason: string): string => raw(choice({}, reason)),
    usage: (usage: unknown): string => raw(json({ choices: [], usage })),
    error: (error: unknown): string => raw(JSON.stringify({ error })),
    done: (): string => raw('[DONE]'),
  };
}

export type ChatFrames = ReturnType<typeof createChatFrames>;

/** Prompt tokens the way the double counts them: words of all messages. */
export function countPromptTokens(request: DoubleRequest): number {
  let tokens = 0;
  for (const message of request.body.messages ?? []) {
    const text = typeof message.content === 'string' ? message.content : JSON.stringify(message.content ?? '');
    tokens += text.split(/\s+/).filter((word) => word !== '').length;
  }
  return tokens;
}
