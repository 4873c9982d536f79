import { systemClock } from '../../src/lib/clock.ts';
import { AnswerOutput } from '../../src/upstream/answer-output.ts';
import type { UpstreamSink } from '../../src/upstream/contract.ts';
import { ChatReader } from '../../src/upstream/openai-chat/chat-reader.ts';
import { Watchdog } from '../../src/upstream/watchdog.ts';
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
    return `${head}${model}${choices}"usage":null,"obfuscation":"Qup1BsQ${index % 10}"}`;
  });
}

/**
 * CPU time per streamed chunk in the adapter: bytes to sink, with size bound and watchdog, without a network; beside
 * what JSON.parse alone takes for the same payloads.
 */
export async function benchOpenaiChatAdapter(log: (line: string) => void): Promise<MicroResult[]> {
  const payloads = createPayloads();
  const packets = payloads.map((payload) => Buffer.from(`data: ${payload}\n\n`));
  const done = Buffer.from('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  const inBatches: Buffer[] = [];
  for (let at = 0; at < packets.length; at += 10) inBatches.push(Buffer.concat(packets.slice(at, at + 10)));

  let units = 0;
  const ignore = (): void => {};
  const sink: UpstreamSink = {
    onOpen: ignore,
    onText: (text) => {
      units += text.length;
    },
    onReasoning: ignore,
    onToolCallDelta: ignore,
    onToolCall: ignore,
    onUsage: ignore,
    onEnd: ignore,
    onError: (error) => {
      throw error;
    },
    onClose: ignore,
  };
  const timeouts = { connectMs: 1e6, firstTokenMs: 1e6, idleMs: 1e6, totalMs: 1e6 };

  function readAnswer(parts: readonly Buffer[]): void {
    const watchdog = new Watchdog(systemClock, timeouts, ignore);
    const observer = { onLife: () => watchdog.alive(), onEnded: () => watchdog.stop() };
    const output = new AnswerOutput(sink, observer, 1 << 30);
    const limits = { maxLineBytes: 1 << 20, maxDocumentBytes: 1 << 20 };
    const reader = new ChatReader(output, { ...limits, createCallId: () => 'call', secrets: [] });
    for (const part of parts) reader.feed(part);
    reader.feed(done);
    reader.finish();
    if (output.open) throw new Error('The answer did not end.');
  }

  const parseOnly = measurePerChunk(() => {
    for (const payload of payloads) units += (JSON.parse(payload) as { choices: unknown[] }).choices.length;
  });
  const single = measurePerChunk(() => readAnswer(packets));
  const batched = measurePerChunk(() => readAnswer(inBatches));
  const results: MicroResult[] = [
    { name: 'openai-chat adapter, one chunk per packet', value: single, note: 'goal: at most 4' },
    { name: 'openai-chat adapter, ten chunks per packet', value: batched },
  ].map((result) => ({ ...result, unit: 'µs CPU per chunk', baseline: parseOnly, baselineName: 'JSON.parse alone' }));
  for (const result of results) {
    log(`${result.name}: ${result.value.toFixed(2)} ${result.unit} (JSON.parse alone ${parseOnly.toFixed(2)})`);
  }
  log(`(${units} units read)`);
  return results;
}
