import { createAiSdkUpstream } from '../../src/upstream/ai-sdk/ai-sdk-upstream.ts';
import type { UpstreamSink } from '../../src/upstream/contract.ts';
import type { BenchResult, Log } from '../result.ts';

const partsPerAnswer = 500;
const answersPerRun = 40;
const runs = 15;

/** Parts as providers of the SDK make them: a word of text each. */
function createParts(): object[] {
  const words = Array.from({ length: partsPerAnswer }, (_, i) => ({
    type: 'text-delta',
    id: '0',
    delta: ` w${i % 97}`,
  }));
  const usage = { inputTokens: { total: 9 }, outputTokens: { total: partsPerAnswer } };
  return [...words, { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage }];
}

function streamOf(parts: readonly object[]): ReadableStream<unknown> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next < parts.length) controller.enqueue(parts[next++]);
      else controller.close();
    },
  });
}

/** Median over runs of CPU microseconds per part. */
async function measure(answer: () => Promise<void>): Promise<number> {
  for (let warm = 0; warm < answersPerRun; warm += 1) await answer();
  const perPart: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const before = process.cpuUsage();
    for (let count = 0; count < answersPerRun; count += 1) await answer();
    const used = process.cpuUsage(before);
    perPart.push((used.user + used.system) / (answersPerRun * partsPerAnswer));
  }
  return perPart.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN;
}

/** CPU time per part in the AI SDK upstream: stream to sink, with size bound and watchdog; beside reading the stream alone. */
export async function benchAiSdkAdapter(log: Log): Promise<BenchResult[]> {
  const parts = createParts();
  const upstream = createAiSdkUpstream({
    name: 'bench',
    model: {
      specificationVersion: 'v3',
      provider: 'bench',
      modelId: 'bench',
      doStream: () => Promise.resolve({ stream: streamOf(parts) }),
    },
  });
  const ignore = (): void => {};
  const answer = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sink: UpstreamSink = {
        onOpen: ignore,
        onText: ignore,
        onReasoning: ignore,
        onToolCallDelta: ignore,
        onToolCall: ignore,
        onUsage: ignore,
        onEnd: ignore,
        onError: reject,
        onClose: resolve,
      };
      const messages = [{ role: 'user' as const, content: 'hi' }];
      upstream.stream({ turn: 'bench', model: 'bench', messages, params: {} }, sink, new AbortController().signal);
    });
  const readAlone = async (): Promise<void> => {
    const reader = streamOf(parts).getReader();
    while (!(await reader.read()).done);
  };
  const baseline = await measure(readAlone);
  const value = await measure(answer);
  log(`${value.toFixed(2)} µs CPU per part (reading the stream alone ${baseline.toFixed(2)})`);
  return [
    { name: 'AI SDK upstream', value, unit: 'µs CPU per part', baseline, baselineName: 'reading the stream alone' },
  ];
}
