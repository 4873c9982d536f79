import { systemClock } from '../../src/lib/clock.ts';
import { AnswerOutput } from '../../src/upstream/answer-output.ts';
import { ChatReader } from '../../src/upstream/openai-chat/chat-reader.ts';
import { Watchdog } from '../../src/upstream/watchdog.ts';
import type { OperationPair } from '../guard/measure-pair.ts';
import { countingSink, countUnits, unitsRead } from './counting-sink.ts';
import { chunksPerAnswer, measurePerChunk } from './measure-per-chunk.ts';

export interface MicroResult {
  name: string;
  value: number;
  unit: string;
  baseline?: number;
  baselineName?: string;
  note?: string;
}

/** Chunks as OpenAI writes them, about 320 bytes each, with a word of text. */
function createPayloads(): string[] {
  const head = '{"id":"chatcmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0","object":"chat.completion.chunk","created":1770933892,';
  const model = '"model":"gpt-4.1-nano-2025-04-14","service_tier":"default","system_fingerprint":"fp_de604bd877",';
  return Array.from({ length: chunksPerAnswer }, (_, index) => {
    const delta = JSON.stringify({ content: ` word${index % 97}` });
    const choices = `"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":null}],`;
    return `${head}${model}${choices}"usage":null,"obfuscation":"${`Qup1BsQ${index}`.slice(index % 9)}"}`;
  });
}

/** An answer read from bytes to sink, with size bound and watchdog, without a network. */
function createChatAnswer(): { payloads: string[]; packets: Buffer[]; read(parts: readonly Buffer[]): void } {
  const payloads = createPayloads();
  const packets = payloads.map((payload) => Buffer.from(`data: ${payload}\n\n`));
  const done = Buffer.from('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  const ignore = (): void => {};
  const timeouts = { connectMs: 1e6, firstTokenMs: 1e6, idleMs: 1e6, totalMs: 1e6 };
  return {
    payloads,
    packets,
    read(parts) {
      const watchdog = new Watchdog(systemClock, timeouts, ignore);
      const observer = { onLife: () => watchdog.alive(), onEnded: () => watchdog.stop() };
      const output = new AnswerOutput(countingSink, observer, 1 << 30);
      const limits = { maxLineBytes: 1 << 20, maxDocumentBytes: 1 << 20 };
      const reader = new ChatReader(output, { ...limits, createCallId: () => 'call', secrets: [] });
      for (const part of parts) reader.feed(part);
      reader.feed(done);
      reader.finish();
      if (output.open) throw new Error('The answer did not end.');
    },
  };
}

/** For the guard: an answer, beside what JSON.parse alone takes for its payloads. */
export function openaiChatPair(): OperationPair {
  const { payloads, packets, read } = createChatAnswer();
  return {
    name: `openai-chat adapter, ${chunksPerAnswer} chunks`,
    baselineName: 'JSON.parse alone',
    run(times) {
      for (let i = 0; i < times; i++) read(packets);
    },
    baseline(times) {
      for (let i = 0; i < times; i++) for (const payload of payloads) countUnits(JSON.parse(payload) as object);
    },
  };
}

/**
 * CPU time per streamed chunk in the adapter, beside what JSON.parse alone takes for the same payloads.
 */
export async function benchOpenaiChatAdapter(log: (line: string) => void): Promise<MicroResult[]> {
  const { payloads, packets, read } = createChatAnswer();
  const inBatches: Buffer[] = [];
  for (let at = 0; at < packets.length; at += 10) inBatches.push(Buffer.concat(packets.slice(at, at + 10)));
  const parseOnly = measurePerChunk(() => {
    for (const payload of payloads) countUnits(JSON.parse(payload) as object);
  });
  const single = measurePerChunk(() => read(packets));
  const batched = measurePerChunk(() => read(inBatches));
  const results: MicroResult[] = [
    { name: 'openai-chat adapter, one chunk per packet', value: single, note: 'goal: at most 4' },
    { name: 'openai-chat adapter, ten chunks per packet', value: batched },
  ].map((result) => ({ ...result, unit: 'µs CPU per chunk', baseline: parseOnly, baselineName: 'JSON.parse alone' }));
  for (const result of results) {
    log(`${result.name}: ${result.value.toFixed(2)} ${result.unit} (JSON.parse alone ${parseOnly.toFixed(2)})`);
  }
  log(`(${unitsRead()} units read)`);
  return results;
}
