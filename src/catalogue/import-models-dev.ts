import { z } from 'zod';
import { type Imported, encodingOf } from './imported.ts';
import type { ModelEntry } from './model-entry.ts';

/*
 * `api.json` of https://models.dev: providers by id, each with its models by id; prices in USD per million tokens. Unknown
 * keys are nobody's business here; what is used is checked, model by model.
 */
const usdPerMillion = z.number().min(0);
const modelSchema = z.object({
  id: z.string().min(1),
  reasoning: z.boolean().optional(),
  tool_call: z.boolean().optional(),
  structured_output: z.boolean().optional(),
  modalities: z.object({ input: z.array(z.string()), output: z.array(z.string()) }),
  limit: z.object({ context: z.int().min(0), output: z.int().min(0).optional() }),
  cost: z
    .object({
      input: usdPerMillion,
      output: usdPerMillion,
      cache_read: usdPerMillion.optional(),
      cache_write: usdPerMillion.optional(),
    })
    .optional(),
});
export const modelsDevSchema = z.record(
  z.string(),
  z.object({ id: z.string().min(1), models: z.record(z.string(), z.unknown()) }),
);

/** Kinds of input by the words of models.dev; others, such as video, are not taken by Parley. */
const kinds: Readonly<Record<string, ModelEntry['input'][number]>> = {
  text: 'text',
  image: 'image',
  audio: 'audio',
  pdf: 'file',
};

export function importModelsDev(providers: z.infer<typeof modelsDevSchema>, asOf: string): Imported {
  const models: ModelEntry[] = [];
  const skipped: Imported['skipped'] = [];
  for (const { id: provider, models: given } of Object.values(providers)) {
    for (const [id, value] of Object.entries(given)) {
      const name = `${provider}/${id}`;
      const result = modelSchema.safeParse(value);
      if (!result.success) {
        skipped.push({ name, reason: z.prettifyError(result.error) });
        continue;
      }
      const { limit, modalities, cost, ...model } = result.data;
      if (!modalities.output.includes('text')) skipped.push({ name, reason: 'it does not answer in text' });
      else if (limit.context === 0) skipped.push({ name, reason: 'its context is not known' });
      else
        models.push({
          provider,
          model: model.id,
          contextTokens: limit.context,
          ...(limit.output === undefined || limit.output === 0 ? {} : { maxOutputTokens: limit.output }),
          encoding: encodingOf(provider, model.id),
          input: [
            ...new Set<ModelEntry['input'][number]>(['text', ...modalities.input.flatMap((word) => kinds[word] ?? [])]),
          ],
          tools: model.tool_call ?? false,
          reasoning: model.reasoning ?? false,
          structuredOutput: model.structured_output ?? false,
          ...(cost === undefined
            ? {}
            : {
                price: {
                  input: cost.input,
                  output: cost.output,
                  ...(cost.cache_read === undefined ? {} : { cacheRead: cost.cache_read }),
                  ...(cost.cache_write === undefined ? {} : { cacheWrite: cost.cache_write }),
                },
              }),
          source: 'models.dev',
          asOf,
        });
    }
  }
  return { models, skipped };
}
