import type { NativeAnswer } from '../contract.ts';
import { fieldsOf, listOf } from '../json-fields.ts';

/** `commentary` while the model works, `final_answer` for what it says at last. */
export type MessagePhase = 'commentary' | 'final_answer';

/** The order of an answer's items, with what cannot be told from its text and calls. */
export type NativeItem =
  | { type: 'reasoning'; id: string; summary: string[]; encrypted_content: string }
  /** `length` UTF-16 units of the answer's text. */
  | { type: 'message'; length: number; phase?: MessagePhase | undefined }
  | { type: 'function_call'; call_id: string };

export interface ResponsesNative {
  /** Only the model that thought can read its reasoning. */
  model: string;
  items: readonly NativeItem[];
}

/** What of stored parts can be sent back to this wire; nothing of parts from another one. */
export function readNative(native: NativeAnswer | undefined, model: string): NativeItem[] {
  if (native?.wire !== 'openai-responses') return [];
  const value = fieldsOf(native.value);
  return listOf(value['items']).flatMap((item): NativeItem[] => {
    const { type, id, summary, encrypted_content, length, phase, call_id } = fieldsOf(item);
    switch (type) {
      case 'reasoning': {
        if (value['model'] !== model || typeof id !== 'string' || typeof encrypted_content !== 'string') return [];
        const texts = listOf(summary).filter((text): text is string => typeof text === 'string');
        return [{ type, id, summary: texts, encrypted_content }];
      }
      case 'message':
        if (typeof length !== 'number') return [];
        return [{ type, length, ...(isPhase(phase) ? { phase } : {}) }];
      case 'function_call':
        return typeof call_id === 'string' ? [{ type, call_id }] : [];
      default:
        return [];
    }
  });
}

export function isPhase(value: unknown): value is MessagePhase {
  return value === 'commentary' || value === 'final_answer';
}
