import type { NativeAnswer } from '../contract.ts';
import { fieldsOf, listOf } from '../json-fields.ts';

/** As the provider wrote it and wants it back, unchanged; the signature proves that it was. */
export type ThinkingBlock =
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string };

export interface AnthropicNative {
  blocks: readonly ThinkingBlock[];
}

/** What of stored parts can be sent back to this wire; nothing of parts from another one. */
export function readNative(native: NativeAnswer | undefined): ThinkingBlock[] {
  if (native?.wire !== 'anthropic') return [];
  return listOf(fieldsOf(native.value)['blocks']).flatMap((block): ThinkingBlock[] => {
    const { type, thinking, signature, data } = fieldsOf(block);
    if (type === 'thinking' && typeof thinking === 'string' && typeof signature === 'string' && signature !== '') {
      return [{ type, thinking, signature }];
    }
    return type === 'redacted_thinking' && typeof data === 'string' && data !== '' ? [{ type, data }] : [];
  });
}
