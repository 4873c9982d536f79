import { encodingForModel } from '../tokens/encoding.ts';
import type { ModelEntry } from './model-entry.ts';

/** What a file of another project gave, and what of it was left out. */
export interface Imported {
  models: ModelEntry[];
  skipped: { name: string; reason: string }[];
}

/** Neither format says it: OpenAI publishes its tokenizers, and those of its open models. */
export function encodingOf(provider: string, model: string): ModelEntry['encoding'] {
  const name = model.slice(model.lastIndexOf('/') + 1);
  const isOpenModel = name.startsWith('gpt-oss-');
  if (!isOpenModel && provider !== 'openai' && provider !== 'azure') return 'estimate';
  const encoding = isOpenModel ? 'o200k_base' : encodingForModel(name);
  return encoding === 'o200k_base' || encoding === 'cl100k_base' ? encoding : 'estimate';
}
