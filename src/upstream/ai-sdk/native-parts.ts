import type { UpstreamMessage } from '../contract.ts';
import type { ProviderOptions } from './language-model.ts';

/** Of one answer, what its provider wants back: signatures of its reasoning, ids of its items. */
export interface NativeParts {
  /** Of another provider they would be refused. */
  provider: string;
  reasoning: { text: string; providerOptions: ProviderOptions }[];
  text?: ProviderOptions | undefined;
  /** By the id of the call. */
  calls: Record<string, ProviderOptions>;
}

export function asProviderOptions(value: unknown): ProviderOptions | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return undefined;
  return value as ProviderOptions;
}

/** What an earlier answer left for this provider; it was made by this adapter, and went through the store. */
export function nativePartsOf(
  message: Extract<UpstreamMessage, { role: 'assistant' }>,
  provider: string,
): NativeParts | undefined {
  if (message.native?.wire !== 'ai-sdk') return undefined;
  const value = message.native.value as Partial<NativeParts> | null;
  if (value?.provider !== provider) return undefined;
  return { provider, reasoning: value.reasoning ?? [], text: value.text, calls: value.calls ?? {} };
}
