import { AnswerOutput } from '../../../../src/upstream/answer-output.ts';
import { UpstreamError } from '../../../../src/upstream/contract.ts';
import { ChatReader, type ChatReaderOptions } from '../../../../src/upstream/openai-chat/chat-reader.ts';
import { RecordingSink } from '../../../support/upstream-double/recording-sink.ts';

/** Feeds parts of a body straight to the reader, without a network, as the HTTP side would. */
export function readChat(parts: Iterable<Buffer | string>, options: Partial<ChatReaderOptions> = {}): RecordingSink {
  const sink = new RecordingSink();
  const output = new AnswerOutput(sink, { onLife() {}, onEnded() {} }, 64 * 1024 * 1024);
  let calls = 0;
  const reader = new ChatReader(output, {
    maxLineBytes: 1024 * 1024,
    maxDocumentBytes: 1024 * 1024,
    createCallId: () => `call_made_${calls++}`,
    secrets: [],
    ...options,
  });
  try {
    for (const part of parts) reader.feed(typeof part === 'string' ? Buffer.from(part) : part);
    reader.finish();
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    output.fail(error);
  }
  return sink;
}

/** Chunks as an event stream with its end. */
export function eventStream(chunks: readonly unknown[], end = 'data: [DONE]\n\n'): string {
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + end;
}

/** A chunk with this delta in its first choice. */
export function chunk(delta: unknown, finishReason: string | null = null): unknown {
  return { object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finishReason }] };
}
