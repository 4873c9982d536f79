import type { Upstream, UpstreamRequest, UpstreamTimeouts } from '../../../../src/upstream/contract.ts';
import {
  createOpenaiChatUpstream,
  type OpenaiChatUpstreamOptions,
} from '../../../../src/upstream/openai-chat/openai-chat-upstream.ts';
import { RecordingSink } from '../../../support/upstream-double/recording-sink.ts';

export const patientTimeouts: UpstreamTimeouts = {
  connectMs: 20_000,
  firstTokenMs: 20_000,
  idleMs: 20_000,
  totalMs: 60_000,
};

export const helloRequest: UpstreamRequest = {
  turn: '01HZZZZZZZZZZZZZZZZZZZZZZZ',
  model: 'double',
  messages: [{ role: 'user', content: 'Hello' }],
  params: {},
};

export function createTestUpstream(options: Partial<OpenaiChatUpstreamOptions> & { baseUrl: string }): Upstream {
  let calls = 0;
  return createOpenaiChatUpstream({
    name: 'test',
    apiKey: 'sk-canary-1234567890',
    defaultModel: 'double',
    timeouts: patientTimeouts,
    createCallId: () => `call_made_${calls++}`,
    ...options,
  });
}

/** Starts an answer; `abort` gives it up. */
export function startAnswer(upstream: Upstream, request: UpstreamRequest = helloRequest) {
  const controller = new AbortController();
  const sink = new RecordingSink();
  upstream.stream(request, sink, controller.signal);
  return { sink, abort: () => controller.abort(), controller };
}

/** Runs an answer to its close. */
export async function runAnswer(upstream: Upstream, request: UpstreamRequest = helloRequest): Promise<RecordingSink> {
  const { sink } = startAnswer(upstream, request);
  await sink.closed;
  return sink;
}
