import { z } from 'zod';
import { type Imported, encodingOf } from './imported.ts';
import type { ModelEntry } from './model-entry.ts';

/*
 * `model_prices_and_context_window.json` of https://github.com/BerriAI/litellm: models by name, prices in USD per token.
 * Unknown keys are nobody's business here; what is used is checked, model by model.
 */
const usdPerToken = z.number().min(0);
const tokens = z.int().min(1);
const flag = z.boolean().nullish();
const modelSchema = z.object({
  litellm_provider: z.string().min(1),
  mode: z.string().optional(),
  max_input_tokens: tokens.nullish(),
  max_output_tokens: tokens.nullish(),
  /** Of the output where there is `max_output_tokens`, of all otherwise. */
  max_tokens: tokens.nullish(),
  input_cost_per_token: usdPerToken.nullish(),
  output_cost_per_token: usdPerToken.nullish(),
  cache_read_input_token_cost: usdPerToken.nullish(),
  cache_creation_input_token_cost: usdPerToken.nullish(),
  supports_function_calling: flag,
  supports_reasoning: flag,
  supports_response_schema: flag,
  supports_vision: flag,
  supports_audio_input: flag,
  supports_pdf_input: flag,
});
export const liteLlmSchema = z.record(z.string(), z.unknown());

/** Modes in which a model answers in text. */
const talking = new Set(['chat', 'responses', 'completion']);
/** Their names of providers, where models.dev has others. */
const providers: Readonly<Record<string, string>> = {
  gemini: 'google',
  'vertex_ai-language-models': 'google-vertex',
  'vertex_ai-anthropic_models': 'google-vertex',
  bedrock: 'amazon-bedrock',
  bedrock_converse: 'amazon-bedrock',
};

export function importLiteLlm(given: z.infer<typeof liteLlmSchema>, asOf: string): Imported {
  const models: ModelEntry[] = [];
  const skipped: Imported['skipped'] = [];
  for (const [name, value] of Object.entries(given)) {
    // describes the format, in place of a model
    if (name === 'sample_spec') continue;
    const result = modelSchema.safeParse(value);
    if (!result.success) {
      skipped.push({ name, reason: z.prettifyError(result.error) });
      continue;
    }
    const model = result.data;
    const contextTokens = model.max_input_tokens ?? model.max_tokens;
    if (!talking.has(model.mode ?? 'chat')) skipped.push({ name, reason: `its mode is ${model.mode}` });
    else if (contextTokens == null) skipped.push({ name, reason: 'its context is not known' });
    else models.push(entryOf(name, model, contextTokens, asOf));
  }
  return { models, skipped };
}

function entryOf(name: string, model: z.infer<typeof modelSchema>, contextTokens: number, asOf: string): ModelEntry {
  const { litellm_provider: theirs, input_cost_per_token: input, output_cost_per_token: output } = model;
  const provider = providers[theirs] ?? theirs;
  const own = name.startsWith(`${theirs}/`) ? name.slice(theirs.length + 1) : name;
  const media = [
    ...(model.supports_vision === true ? (['image'] as const) : []),
    ...(model.supports_audio_input === true ? (['audio'] as const) : []),
    ...(model.supports_pdf_input === true ? (['file'] as const) : []),
  ];
  return {
    provider,
    model: own,
    contextTokens,
    ...(model.max_output_tokens == null ? {} : { maxOutputTokens: model.max_output_tokens }),
    encoding: encodingOf(provider, own),
    input: ['text', ...media],
    tools: model.supports_function_calling === true,
    reasoning: model.supports_reasoning === true,
    structuredOutput: model.supports_response_schema === true,
    ...(input == null || output == null
      ? {}
      : {
          price: {
            input: perMillion(input),
            output: perMillion(output),
            ...(model.cache_read_input_token_cost == null
              ? {}
              : { cacheRead: perMillion(model.cache_read_input_token_cost) }),
            ...(model.cache_creation_input_token_cost == null
              ? {}
              : { cacheWrite: perMillion(model.cache_creation_input_token_cost) }),
          },
        }),
    source: 'litellm model_prices_and_context_window.json',
    asOf,
  };
}

/** 0.00000015 × 1,000,000 is not 0.15 in floating point: what is left beyond a millionth of a dollar is rounding. */
function perMillion(usd: number): number {
  return Number((usd * 1_000_000).toFixed(6));
}
