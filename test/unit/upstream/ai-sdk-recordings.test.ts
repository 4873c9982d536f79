import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ask, createFakeModel } from './support/fake-model.ts';

/*
 * What the AI SDK's own providers read from real streams, beside this project and no part of it. Told to the upstream as
 * the SDK tells it, it must come out as it went in.
 */
const folder = new URL('../../../../shared/recorded-streams/', import.meta.url);
const recordings = ['anthropic', 'gemini', 'openai-chat', 'openai-responses'].flatMap((wire) => {
  const wireFolder = new URL(`${wire}/`, folder);
  if (!existsSync(wireFolder)) return [];
  const files = readdirSync(wireFolder).filter((file) => file.endsWith('.expected.json'));
  return files.map((file) => [`${wire}/${file}`] as const);
});

interface Expected {
  text: string;
  reasoning: string;
  tools: { name: string; input: string }[];
  finish: { unified: string; raw?: string };
  usage: {
    inputTokens: { total: number; cacheRead?: number; cacheWrite?: number };
    outputTokens: { total: number; reasoning?: number };
  };
}

/** A text in deltas of some UTF-16 units, as of a provider that does not care for characters. */
function deltasOf(type: 'text' | 'reasoning', text: string, units: number): object[] {
  if (text === '') return [];
  const id = `${type}-0`;
  const deltas = [];
  for (let at = 0; at < text.length; at += units)
    deltas.push({ type: `${type}-delta`, id, delta: text.slice(at, at + units) });
  return [{ type: `${type}-start`, id }, ...deltas, { type: `${type}-end`, id }];
}

function toolParts({ name, input }: Expected['tools'][0], at: number, units: number): object[] {
  const id = `call-${at}`;
  const pieces = input.match(new RegExp(`[^]{1,${units}}`, 'g')) ?? [];
  return [
    { type: 'tool-input-start', id, toolName: name },
    ...pieces.map((delta) => ({ type: 'tool-input-delta', id, delta })),
    { type: 'tool-input-end', id },
    { type: 'tool-call', toolCallId: id, toolName: name, input },
  ];
}

/** The recording as version 3 of the contract tells it. */
function partsOf({ text, reasoning, tools, finish, usage }: Expected, units: number): object[] {
  return [
    { type: 'stream-start', warnings: [] },
    ...deltasOf('reasoning', reasoning, units),
    ...deltasOf('text', text, units),
    ...tools.flatMap((tool, at) => toolParts(tool, at, units)),
    { type: 'finish', finishReason: finish, usage },
  ];
}

if (recordings.length === 0)
  test.skip('recorded streams through the AI SDK: skipped, for their folder is not beside this project', () => {});

describe.skipIf(recordings.length === 0)('a recorded stream, as a model of the AI SDK tells it,', () => {
  test.each(recordings)('is read the same: %s', async (file) => {
    const expected = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Expected;
    const { text, reasoning, tools, finish, usage } = expected;
    for (const units of [1, 7, 100_000]) {
      const model = createFakeModel('v3', (call) => {
        call.write(...partsOf(expected, units));
        call.end();
      });
      const sink = await ask(model);
      expect(sink.violations).toEqual([]);
      expect(sink.error).toBeUndefined();
      expect(sink).toMatchObject({ text, reasoning });
      expect(sink.toolCalls.map((call) => ({ name: call.name, input: call.arguments }))).toEqual(tools);
      expect(sink.toolCallDeltas).toBe(tools.map(({ name, input }) => name + input).join(''));
      const unified = finish.unified.replaceAll('-', '_');
      expect(sink.end).toEqual({ finish: unified, rawFinish: finish.raw ?? finish.unified });
      const { inputTokens, outputTokens } = usage;
      const { cacheWrite } = inputTokens;
      const thought = outputTokens.reasoning ?? 0;
      expect(sink.usage).toEqual({
        input: inputTokens.total,
        // by contract the output includes it; the recording of xAI has it beside
        output: outputTokens.total + (thought > outputTokens.total ? thought : 0),
        reasoning: thought,
        cached: inputTokens.cacheRead ?? 0,
        ...(cacheWrite === undefined ? {} : { cacheWrite }),
      });
    }
  });
});
