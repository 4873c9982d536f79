import { events, type WireName } from './wires.ts';

/** The least that each wire says: a piece of text, and the end of an answer. */
export interface WireStream {
  text(text: string): string;
  end: string;
  /** An error as the wire reports it after a head with status 200. */
  error: string;
}

export const wireStreams: Record<WireName, WireStream> = {
  'openai-chat': {
    text: (text) => events([{ choices: [{ index: 0, delta: { content: text } }] }]),
    end: `${events([{ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }])}data: [DONE]\n\n`,
    error: '{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}',
  },
  'openai-responses': {
    text: (text) => events([{ type: 'response.output_text.delta', delta: text }]),
    end: events([{ type: 'response.completed', response: {} }]),
    error: '{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}',
  },
  anthropic: {
    text: (text) => events([{ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }]),
    end: events([{ type: 'message_delta', delta: { stop_reason: 'end_turn' } }, { type: 'message_stop' }]),
    error: '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}',
  },
  gemini: {
    text: (text) => events([{ candidates: [{ content: { parts: [{ text }] } }] }]),
    end: events([{ candidates: [{ content: { parts: [{ text: '' }] }, finishReason: 'STOP' }] }]),
    error: '[{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}]',
  },
};
