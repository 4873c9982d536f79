import { systemClock } from '../../src/lib/clock.ts';
import { MessageReader } from '../../src/upstream/anthropic/message-reader.ts';
import { AnswerOutput } from '../../src/upstream/answer-output.ts';
import { ContentReader } from '../../src/upstream/gemini/content-reader.ts';
import type { WireReader } from '../../src/upstream/http-answer.ts';
import { ResponseReader } from '../../src/upstream/openai-responses/response-reader.ts';
import { Watchdog } from '../../src/upstream/watchdog.ts';
import type { OperationPair } from '../guard/measure-pair.ts';
import { countingSink, countUnits, unitsRead } from './counting-sink.ts';
import { chunksPerAnswer, measurePerChunk } from './measure-per-chunk.ts';
import type { MicroResult } from './openai-chat-adapter.ts';

interface Wire {
  name: string;
  createReader(output: AnswerOutput): WireReader;
  /** One chunk as the provider writes it, with a word of text. */
  chunk(text: string, index: number): { event?: string; data: object };
  end: string;
}

const common = { maxLineBytes: 1 << 20, maxDocumentBytes: 1 << 20, secrets: [], createCallId: () => 'call' };
const itemId = 'msg_0a63f40a2632b74300699f8819a5e08196ac270722d369af5a';

const wires: readonly Wire[] = [
  {
    name: 'anthropic',
    createReader: (output) => new MessageReader(output, common),
    chunk: (text) => ({
      event: 'content_block_delta',
      data: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
    }),
    end: 'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
  },
  {
    name: 'openai-responses',
    createReader: (output) => new ResponseReader(output, { ...common, model: 'm' }),
    chunk: (delta, index) => ({
      event: 'response.output_text.delta',
      data: {
        type: 'response.output_text.delta',
        content_index: 0,
        delta,
        item_id: itemId,
        logprobs: [],
        obfuscation: 'Qup1BsQ0fAz9',
        output_index: 0,
        sequence_number: index,
      },
    }),
    end: 'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n',
  },
  {
    name: 'gemini',
    createReader: (output) => new ContentReader(output, common),
    chunk: (text, index) => ({
      data: {
        candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }],
        usageMetadata: {
          promptTokenCount: 9,
          candidatesTokenCount: index,
          totalTokenCount: 199 + index,
          promptTokensDetails: [{ modality: 'TEXT', tokenCount: 9 }],
          thoughtsTokenCount: 185,
        },
        modelVersion: 'gemini-3-pro-preview',
        responseId: 'bH6LaZW8Fp_3nsEPqtaSwQ4',
      },
    }),
    end: 'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n',
  },
];

/** An answer of a wire read from bytes to sink, with size bound and watchdog, without a network. */
function createAnswer(wire: Wire): { payloads: string[]; read(): void } {
  const timeouts = { connectMs: 1e6, firstTokenMs: 1e6, idleMs: 1e6, totalMs: 1e6 };
  const chunks = Array.from({ length: chunksPerAnswer }, (_, index) => wire.chunk(` word${index % 97}`, index));
  const payloads = chunks.map(({ data }) => JSON.stringify(data));
  const packets = chunks.map(({ event }, index) =>
    Buffer.from(`${event === undefined ? '' : `event: ${event}\n`}data: ${payloads[index]}\n\n`),
  );
  const end = Buffer.from(wire.end);
  return {
    payloads,
    read() {
      const watchdog = new Watchdog(systemClock, timeouts, () => {});
      const observer = { onLife: () => watchdog.alive(), onEnded: () => watchdog.stop() };
      const output = new AnswerOutput(countingSink, observer, 1 << 30);
      const reader = wire.createReader(output);
      for (const packet of packets) reader.feed(packet);
      reader.feed(end);
      reader.finish();
      if (output.open) throw new Error('The answer did not end.');
    },
  };
}

/** For the guard: an answer of each, beside what JSON.parse alone takes for its payloads. */
export function wirePairs(): OperationPair[] {
  return wires.map((wire) => {
    const { payloads, read } = createAnswer(wire);
    return {
      name: `${wire.name} adapter, ${chunksPerAnswer} chunks`,
      baselineName: 'JSON.parse alone',
      run(times) {
        for (let i = 0; i < times; i++) read();
      },
      baseline(times) {
        for (let i = 0; i < times; i++) for (const payload of payloads) countUnits(JSON.parse(payload) as object);
      },
    };
  });
}

/**
 * CPU time per streamed chunk in the adapters beside chat completions, beside what JSON.parse alone takes for the same
 * payloads.
 */
export async function benchWireAdapters(log: (line: string) => void): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const wire of wires) {
    const { payloads, read } = createAnswer(wire);
    const parseOnly = measurePerChunk(() => {
      for (const payload of payloads) countUnits(JSON.parse(payload) as object);
    });
    const value = measurePerChunk(read);
    const name = `${wire.name} adapter, one chunk per packet`;
    const unit = 'µs CPU per chunk';
    results.push({ name, value, unit, baseline: parseOnly, baselineName: 'JSON.parse alone', note: 'goal: at most 6' });
    log(`${name}: ${value.toFixed(2)} ${unit} (JSON.parse alone ${parseOnly.toFixed(2)})`);
  }
  log(`(${unitsRead()} units read)`);
  return results;
}
