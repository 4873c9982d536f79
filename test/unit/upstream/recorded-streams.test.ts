import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordingSink } from '../../support/upstream-double/recording-sink.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { runAnswer } from './support/chat-upstream.ts';
import { createWireUpstream, readWire, type WireName, wireNames } from './support/wires.ts';

/** Real provider streams with what another implementation reads from them; they are not part of this repository. */
const folder = new URL('../../../../shared/recorded-streams/', import.meta.url);
const recordings = wireNames.flatMap((wire): [WireName, string][] => {
  const wireFolder = new URL(`${wire}/`, folder);
  if (!existsSync(wireFolder)) return [];
  const files = readdirSync(wireFolder).filter((file) => file.endsWith('.sse'));
  return files.map((file) => [wire, file.slice(0, -'.sse'.length)]);
});

interface Expected {
  text: string;
  reasoning: string;
  tools: { name: string; input: string }[];
  finish: { unified: string; raw?: string };
  usage: {
    inputTokens: { total: number; cacheRead?: number };
    outputTokens: { total: number; reasoning?: number };
    raw: {
      prompt_tokens?: number;
      completion_tokens?: number;
      total_tokens?: number;
      /** Anthropic says what was written into its cache, not always. */
      cache_creation_input_tokens?: number;
    };
  };
}

function expectedOf(wire: WireName, name: string) {
  const file = readFileSync(new URL(`${wire}/${name}.expected.json`, folder), 'utf8');
  const { text, reasoning, tools, finish, usage } = JSON.parse(file) as Expected;
  const thought = usage.outputTokens.reasoning ?? 0;
  // The contract counts reasoning as output; the recording of xAI, whose total shows that it does not, is read otherwise.
  const { prompt_tokens: prompt = 0, completion_tokens: completion = 0, total_tokens: total } = usage.raw;
  const isBeside = total === prompt + completion + thought;
  const cacheWrite = usage.raw.cache_creation_input_tokens;
  return {
    text,
    reasoning,
    tools: tools.map((tool) => ({ name: tool.name, arguments: tool.input })),
    finish: finish.unified.replaceAll('-', '_'),
    rawFinish: finish.raw,
    usage: {
      input: usage.inputTokens.total,
      output: usage.outputTokens.total + (isBeside ? thought : 0),
      reasoning: thought,
      cached: usage.inputTokens.cacheRead ?? 0,
      ...(cacheWrite === undefined ? {} : { cacheWrite }),
    },
  };
}

function seenBy(sink: RecordingSink) {
  return {
    text: sink.text,
    reasoning: sink.reasoning,
    tools: sink.toolCalls.map((call) => ({ name: call.name, arguments: call.arguments })),
    finish: sink.end?.finish,
    rawFinish: sink.end?.rawFinish,
    usage: sink.usage,
  };
}

if (recordings.length === 0)
  it.skip('recorded streams: skipped, for their folder is not beside this project', () => {});

describe.skipIf(recordings.length === 0)('a recorded stream', () => {
  let double: UpstreamDouble;
  beforeAll(async () => {
    double = await startUpstreamDouble();
  });
  afterAll(() => double.close());

  it.each(recordings)('%s %s is read the same, split at every byte', { timeout: 60_000 }, (wire, name) => {
    const bytes = readFileSync(new URL(`${wire}/${name}.sse`, folder));
    const expected = expectedOf(wire, name);
    // Every offset is a boundary in one of the runs. Boundaries further apart than any two events are as good as one
    // alone, so that the cost does not grow with the square of the length.
    const apartBytes = Math.min(bytes.length, 2000);
    for (let first = 0; first <= apartBytes; first += 1) {
      const parts = [bytes.subarray(0, first)];
      for (let at = first; at < bytes.length; at += apartBytes) parts.push(bytes.subarray(at, at + apartBytes));
      expect(seenBy(readWire(wire, parts))).toEqual(expected);
    }
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    expect(seenBy(readWire(wire, single))).toEqual(expected);
  });

  it.each(recordings)('%s %s is read the same over HTTP', { timeout: 60_000 }, async (wire, name) => {
    const bytes = readFileSync(new URL(`${wire}/${name}.sse`, folder));
    const expected = expectedOf(wire, name);
    const upstream = createWireUpstream(wire, { baseUrl: double.url });
    const plans = [1, 3, 7, 11, 13].map((part) => ({ splitAt: [Math.floor((bytes.length * part) / 14)] }));
    for (const plan of [{}, ...plans, { bytesPerWrite: bytes.length < 8000 ? 1 : 61 }]) {
      double.setPlan({ kind: 'bytes', bytes, ...plan });
      const sink = await runAnswer(upstream);
      expect(seenBy(sink)).toEqual(expected);
      expect(sink.violations).toEqual([]);
    }
    await upstream.close();
  });
});
