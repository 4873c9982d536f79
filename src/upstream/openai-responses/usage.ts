import type { UpstreamUsage } from '../contract.ts';
import { countOf, fieldsOf, isObject } from '../json-fields.ts';

/** Reads the `usage` of a response; undefined if it holds no counts. */
export function readResponseUsage(value: unknown): UpstreamUsage | undefined {
  if (!isObject(value)) return undefined;
  if (typeof value['input_tokens'] !== 'number' && typeof value['output_tokens'] !== 'number') return undefined;
  const input = countOf(value['input_tokens']);
  const output = countOf(value['output_tokens']);
  return {
    input,
    output,
    reasoning: Math.min(countOf(fieldsOf(value['output_tokens_details'])['reasoning_tokens']), output),
    cached: Math.min(countOf(fieldsOf(value['input_tokens_details'])['cached_tokens']), input),
  };
}
