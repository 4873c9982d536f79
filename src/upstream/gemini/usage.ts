import type { UpstreamUsage } from '../contract.ts';
import { countOf, isObject } from '../json-fields.ts';

/** Reads `usageMetadata`, which counts thoughts beside the answer; undefined if it holds no counts. */
export function readGeminiUsage(value: unknown): UpstreamUsage | undefined {
  if (!isObject(value)) return undefined;
  if (typeof value['promptTokenCount'] !== 'number' && typeof value['candidatesTokenCount'] !== 'number') {
    return undefined;
  }
  const input = countOf(value['promptTokenCount']) + countOf(value['toolUsePromptTokenCount']);
  const reasoning = countOf(value['thoughtsTokenCount']);
  return {
    input,
    output: countOf(value['candidatesTokenCount']) + reasoning,
    reasoning,
    cached: Math.min(countOf(value['cachedContentTokenCount']), input),
  };
}
