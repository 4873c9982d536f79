import type { NativeAnswer } from '../contract.ts';
import { fieldsOf, listOf } from '../json-fields.ts';

/** What a model wants to see again with its answer: signatures of its thoughts, and ids where it gave them. */
export interface GeminiNative {
  /** Of the text. */
  signature?: string | undefined;
  calls: readonly NativeCall[];
}

export interface NativeCall {
  /** As the contract names the call. */
  call: string;
  /** As the provider named it, if it did. */
  id?: string | undefined;
  signature?: string | undefined;
}

/** What of stored parts can be sent back to this wire; nothing of parts from another one. */
export function readNative(native: NativeAnswer | undefined): GeminiNative {
  if (native?.wire !== 'gemini') return { calls: [] };
  const value = fieldsOf(native.value);
  const calls = listOf(value['calls']).flatMap((item): NativeCall[] => {
    const { call, id, signature } = fieldsOf(item);
    if (typeof call !== 'string') return [];
    return [{ call, ...filled('id', id), ...filled('signature', signature) }];
  });
  return { calls, ...filled('signature', value['signature']) };
}

function filled<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  return typeof value === 'string' && value !== '' ? ({ [name]: value } as Record<Name, string>) : {};
}
