import { CatalogueError } from './load-catalogue.ts';
import { importLiteLlm, liteLlmSchema } from './import-litellm.ts';
import { importModelsDev, modelsDevSchema } from './import-models-dev.ts';
import type { Imported } from './imported.ts';

/**
 * Models of a public list, whichever of the two formats it is in. `asOf`: the day it was fetched. Throws `CatalogueError` for
 * what is in neither.
 */
export function importModels(value: unknown, asOf: string): Imported {
  const modelsDev = modelsDevSchema.safeParse(value);
  if (modelsDev.success && Object.keys(modelsDev.data).length > 0) return importModelsDev(modelsDev.data, asOf);
  const liteLlm = liteLlmSchema.safeParse(value);
  const isLiteLlm = liteLlm.success && Object.values(liteLlm.data).some(hasProvider);
  if (!isLiteLlm)
    throw new CatalogueError(
      'This is neither the api.json of models.dev nor the model_prices_and_context_window.json of LiteLLM.',
    );
  return importLiteLlm(liteLlm.data, asOf);
}

function hasProvider(model: unknown): boolean {
  return typeof model === 'object' && model !== null && 'litellm_provider' in model;
}
