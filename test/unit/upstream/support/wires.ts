import {
  type AnthropicUpstreamOptions,
  createAnthropicUpstream,
} from '../../../../src/upstream/anthropic/anthropic-upstream.ts';
import { MessageReader } from '../../../../src/upstream/anthropic/message-reader.ts';
import { AnswerOutput } from '../../../../src/upstream/answer-output.ts';
import { type Upstream, UpstreamError, type UpstreamRequest } from '../../../../src/upstream/contract.ts';
import { ContentReader } from '../../../../src/upstream/gemini/content-reader.ts';
import { createGeminiUpstream } from '../../../../src/upstream/gemini/gemini-upstream.ts';
import type { WireReader } from '../../../../src/upstream/http-answer.ts';
import type { HttpUpstreamOptions, WireReaderOptions } from '../../../../src/upstream/http-upstream.ts';
import { ChatReader } from '../../../../src/upstream/openai-chat/chat-reader.ts';
import { createOpenaiChatUpstream } from '../../../../src/upstream/openai-chat/openai-chat-upstream.ts';
import { createOpenaiResponsesUpstream } from '../../../../src/upstream/openai-responses/openai-responses-upstream.ts';
import { ResponseReader } from '../../../../src/upstream/openai-responses/response-reader.ts';
import { RecordingSink } from '../../../support/upstream-double/recording-sink.ts';
import { helloRequest, patientTimeouts } from './chat-upstream.ts';

type ReaderOptions = WireReaderOptions & { createCallId: () => string };
type TestOptions = Partial<HttpUpstreamOptions> & { baseUrl: string } & Partial<AnthropicUpstreamOptions>;

interface TestWire {
  createUpstream(options: HttpUpstreamOptions & { createCallId: () => string }): Upstream;
  createReader(output: AnswerOutput, options: ReaderOptions, request: UpstreamRequest): WireReader;
}

const wires = {
  'openai-chat': {
    createUpstream: createOpenaiChatUpstream,
    createReader: (output, options) => new ChatReader(output, options),
  },
  'openai-responses': {
    createUpstream: createOpenaiResponsesUpstream,
    createReader: (output, options, request) => new ResponseReader(output, { ...options, model: request.model }),
  },
  gemini: {
    createUpstream: createGeminiUpstream,
    createReader: (output, options) => new ContentReader(output, options),
  },
  anthropic: {
    createUpstream: createAnthropicUpstream,
    createReader: (output, options) => new MessageReader(output, options),
  },
} satisfies Record<string, TestWire>;

export type WireName = keyof typeof wires;
export const wireNames = Object.keys(wires) as WireName[];

/** Feeds parts of a body straight to the reader of a wire, without a network, as the HTTP side would. */
export function readWire(
  name: WireName,
  parts: Iterable<Buffer | string>,
  options: Partial<ReaderOptions> = {},
): RecordingSink {
  const sink = new RecordingSink();
  const output = new AnswerOutput(sink, { onLife() {}, onEnded() {} }, 64 * 1024 * 1024);
  const wire: TestWire = wires[name];
  const reader = wire.createReader(
    output,
    {
      maxLineBytes: 1024 * 1024,
      maxDocumentBytes: 1024 * 1024,
      createCallId: numberedIds(),
      secrets: [],
      ...options,
    },
    helloRequest,
  );
  try {
    for (const part of parts) reader.feed(typeof part === 'string' ? Buffer.from(part) : part);
    reader.finish();
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    output.fail(error);
  }
  return sink;
}

export function createWireUpstream(name: WireName, options: TestOptions): Upstream {
  const wire: TestWire = wires[name];
  return wire.createUpstream({
    name: 'test',
    apiKey: 'sk-canary-1234567890',
    defaultModel: 'double',
    timeouts: patientTimeouts,
    createCallId: numberedIds(),
    ...options,
  });
}

/** Events as a stream; each may carry its type as the name of the event, too. */
export function events(list: readonly unknown[], named = true): string {
  return list
    .map((event) => {
      const type = (event as { type?: unknown } | null)?.type;
      const name = named && typeof type === 'string' ? `event: ${type}\n` : '';
      return `${name}data: ${JSON.stringify(event)}\n\n`;
    })
    .join('');
}

function numberedIds(): () => string {
  let calls = 0;
  return () => `call_made_${calls++}`;
}
