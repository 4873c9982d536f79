import type { UpstreamRequest } from '../contract.ts';
import type { BodyMessage, OutputConfig, Thinking } from './body.ts';

/** Tokens; the least that the provider accepts is 1024. */
const budgets: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 4096,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};
const leastBudget = 1024;
const efforts: Readonly<Record<string, OutputConfig['effort']>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};

export interface ThinkingPlan {
  thinking?: Thinking | undefined;
  effort?: OutputConfig['effort'];
  maxTokens: number;
}

/**
 * How much the model may think. Thinking is left off where the provider would refuse it: with a prefill, with a tool
 * choice that forces a call, with a bound that has no room for it, and in the middle of a loop of tool calls that
 * began without it, such as on another wire.
 */
export function planThinking(
  request: UpstreamRequest,
  messages: readonly BodyMessage[],
  kind: 'adaptive' | 'budget',
  defaultMaxTokens: number,
): ThinkingPlan {
  const { reasoningEffort, maxOutputTokens, toolChoice } = request.params;
  const without = { maxTokens: maxOutputTokens ?? defaultMaxTokens };
  const isForced = toolChoice !== undefined && toolChoice !== 'auto' && toolChoice !== 'none';
  if (reasoningEffort === undefined) return without;
  if (kind === 'adaptive' && reasoningEffort === 'none') return { ...without, thinking: { type: 'disabled' } };
  if (reasoningEffort === 'none' || isForced || request.continuesAnswer || !mayThink(messages)) return without;
  if (kind === 'adaptive') {
    const effort = efforts[reasoningEffort];
    return { ...without, thinking: { type: 'adaptive', display: 'summarized' }, ...(effort ? { effort } : {}) };
  }
  const wanted = budgets[reasoningEffort] ?? budgets['medium']!;
  // The budget counts towards the bound; a bound that nobody set grows with it.
  if (maxOutputTokens === undefined) {
    return { maxTokens: defaultMaxTokens + wanted, thinking: { type: 'enabled', budget_tokens: wanted } };
  }
  const budget = Math.min(wanted, Math.floor(maxOutputTokens * 0.8));
  return budget < leastBudget ? without : { ...without, thinking: { type: 'enabled', budget_tokens: budget } };
}

/** While tools are being called, the answer that called them has to begin with its thinking. */
function mayThink(messages: readonly BodyMessage[]): boolean {
  if (!messages.at(-1)?.content.some((block) => block.type === 'tool_result')) return true;
  const first = messages.at(-2)?.content[0]?.type;
  return first === 'thinking' || first === 'redacted_thinking';
}
