import type { UpstreamUsage } from '../contract.ts';
import { countOf } from '../json-fields.ts';

interface ChatUsage {
  prompt_tokens?: unknown;
  completion_tokens?: unknown;
  total_tokens?: unknown;
  prompt_tokens_details?: { cached_tokens?: unknown } | null;
  completion_tokens_details?: { reasoning_tokens?: unknown } | null;
  /** DeepSeek. */
  prompt_cache_hit_tokens?: unknown;
  /** Moonshot. */
  cached_tokens?: unknown;
}

/**
 * Reads a `usage` object; undefined if it holds no counts.
 *
 * OpenAI counts reasoning inside `completion_tokens`, xAI beside it: there the total is prompt + completion + reasoning,
 * which is how the two are told apart.
 */
export function readChatUsage(value: unknown): UpstreamUsage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const usage = value as ChatUsage;
  if (typeof usage.prompt_tokens !== 'number' && typeof usage.completion_tokens !== 'number') return undefined;
  const input = countOf(usage.prompt_tokens);
  const completion = countOf(usage.completion_tokens);
  const reasoning = countOf(usage.completion_tokens_details?.reasoning_tokens);
  const cached = countOf(
    usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens,
  );
  const isBeside = reasoning > completion || countOf(usage.total_tokens) === input + completion + reasoning;
  const output = isBeside ? completion + reasoning : completion;
  return { input, output, reasoning, cached: Math.min(cached, input) };
}
