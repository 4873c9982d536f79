import type { UpstreamRequest } from '../../../../src/upstream/contract.ts';
import { createAiSdkUpstream, type AiSdkUpstreamOptions } from '../../../../src/upstream/ai-sdk/ai-sdk-upstream.ts';
import type { LanguageModel } from '../../../../src/upstream/ai-sdk/language-model.ts';
import { RecordingSink } from '../../../support/upstream-double/recording-sink.ts';

/** What a model of the AI SDK was asked, and a stream that the test writes. */
export interface FakeCall {
  options: Record<string, unknown> & { abortSignal: AbortSignal };
  write(...parts: object[]): void;
  end(): void;
  fail(error: unknown): void;
  cancelled: Promise<unknown>;
}

export interface FakeModel extends LanguageModel {
  readonly calls: FakeCall[];
}

/** A model by hand: `answer` plays each call, and may throw as `doStream` does. */
export function createFakeModel(version: string, answer: (call: FakeCall) => void = () => {}): FakeModel {
  const calls: FakeCall[] = [];
  return {
    specificationVersion: version,
    provider: 'fake.chat',
    modelId: 'fake-1',
    calls,
    async doStream(options: FakeCall['options']) {
      let controller!: ReadableStreamDefaultController<unknown>;
      let cancel!: (reason: unknown) => void;
      const cancelled = new Promise((resolve) => {
        cancel = resolve;
      });
      const stream = new ReadableStream<unknown>({ start: (given) => void (controller = given), cancel });
      const call: FakeCall = {
        options,
        write: (...parts) => parts.forEach((part) => controller.enqueue(part)),
        end: () => controller.close(),
        fail: (error) => controller.error(error),
        cancelled,
      };
      calls.push(call);
      answer(call);
      return { stream, response: { headers: { 'x-request-id': 'req_1' } } };
    },
  };
}

export const request: UpstreamRequest = {
  turn: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  model: 'fake-1',
  messages: [{ role: 'user', content: 'hi' }],
  params: {},
};

/** One answer of an upstream around the model, to its close. */
export async function ask(
  model: LanguageModel,
  asked: Partial<UpstreamRequest> = {},
  options: Partial<AiSdkUpstreamOptions> = {},
): Promise<RecordingSink> {
  const sink = new RecordingSink();
  const upstream = createAiSdkUpstream({ name: 'sdk', model, ...options });
  upstream.stream({ ...request, model: model.modelId, ...asked }, sink, new AbortController().signal);
  await sink.closed;
  await upstream.close();
  return sink;
}

export function finishOf(version: string, reason = 'stop'): object {
  if (version === 'v2') {
    const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, reasoningTokens: 2, cachedInputTokens: 4 };
    return { type: 'finish', finishReason: reason, usage };
  }
  const usage = {
    inputTokens: { total: 10, noCache: 6, cacheRead: 4, cacheWrite: 3 },
    outputTokens: { total: 5, text: 3, reasoning: 2 },
  };
  return { type: 'finish', finishReason: { unified: reason, raw: `raw_${reason}` }, usage };
}
