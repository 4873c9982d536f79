import type { UpstreamUsage } from '../contract.ts';

/**
 * Token counts of a finish part; undefined where the provider did not report them. Version 2 is flat, later ones are nested
 * and say what was written into the prompt cache.
 */
export function readUsage(value: unknown): UpstreamUsage | undefined {
  const usage = recordOf(value);
  const isFlat = typeof usage['inputTokens'] !== 'object' && typeof usage['outputTokens'] !== 'object';
  const input = recordOf(usage['inputTokens']);
  const output = recordOf(usage['outputTokens']);
  const inputTotal = countOf(isFlat ? usage['inputTokens'] : input['total']);
  const outputTotal = countOf(isFlat ? usage['outputTokens'] : output['total']);
  if (inputTotal === undefined || outputTotal === undefined) return undefined;
  const cacheWrite = countOf(input['cacheWrite']);
  const reasoning = countOf(isFlat ? usage['reasoningTokens'] : output['reasoning']) ?? 0;
  return {
    input: inputTotal,
    // some providers, such as xAI, count reasoning beside the output, and the SDK passes that on
    output: reasoning > outputTotal ? outputTotal + reasoning : outputTotal,
    reasoning,
    cached: countOf(isFlat ? usage['cachedInputTokens'] : input['cacheRead']) ?? 0,
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
  };
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}
