import type { UpstreamUsage } from '../contract.ts';
import { countOf, type Fields, fieldsOf, isObject } from '../json-fields.ts';

const counted = [
  'input_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'output_tokens',
  'output_tokens_details',
];

/**
 * The usage of an answer comes twice: at its start and at its end, where fields may be revised or left out.
 * Anthropic counts what went through the cache beside `input_tokens`.
 */
export class MessageUsage {
  readonly #fields: Record<string, unknown> = {};

  /** Takes what is told now; undefined as long as nothing was. */
  add(usage: unknown): UpstreamUsage | undefined {
    if (!isObject(usage)) return undefined;
    for (const name of counted) if (usage[name] !== undefined && usage[name] !== null) this.#fields[name] = usage[name];
    return readUsage(this.#fields);
  }
}

function readUsage(fields: Fields): UpstreamUsage | undefined {
  if (typeof fields['input_tokens'] !== 'number' && typeof fields['output_tokens'] !== 'number') return undefined;
  const cached = countOf(fields['cache_read_input_tokens']);
  const written = fields['cache_creation_input_tokens'];
  const cacheWrite = countOf(written);
  const output = countOf(fields['output_tokens']);
  return {
    input: countOf(fields['input_tokens']) + cached + cacheWrite,
    output,
    reasoning: Math.min(countOf(fieldsOf(fields['output_tokens_details'])['thinking_tokens']), output),
    cached,
    ...(typeof written === 'number' ? { cacheWrite } : {}),
  };
}
