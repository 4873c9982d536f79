import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { catalogueFileSchema, type ModelEntry, modelEntrySchema } from './model-entry.ts';

/** Facts that stand over those of the files, or of a model that none of them has. */
export type ModelOverride = Partial<ModelEntry> & Pick<ModelEntry, 'model'>;

export interface CatalogueOptions {
  /** Paths of files as `parley models import` writes them; later ones stand over earlier ones and those that come with Parley. */
  files?: readonly string[] | undefined;
  overrides?: readonly ModelOverride[] | undefined;
}

/** A file of models cannot be used; the message names it and what is wrong. */
export class CatalogueError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'CatalogueError';
  }
}

/** The models that come with Parley, the files over them, the overrides over all. Throws `CatalogueError`. */
export function loadCatalogue({ files = [], overrides = [] }: CatalogueOptions = {}): Catalogue {
  const shipped = new URL('models.json', import.meta.url);
  const entries = [shipped, ...files].flatMap((file) => readEntries(file));
  if (overrides.length === 0) return createCatalogue(entries);
  const below = createCatalogue(entries);
  return createCatalogue([...entries, ...overrides.map((override) => overridden(below, override))]);
}

function readEntries(file: string | URL): ModelEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new CatalogueError(`The models of ${String(file)} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const result = catalogueFileSchema.safeParse(value);
  if (result.success) return result.data.models;
  throw new CatalogueError(`The models of ${String(file)} cannot be used: ${z.prettifyError(result.error)}`);
}

/** Over the entry of this very name; what no file has must be complete, but for what follows from there being no more. */
function overridden(below: Catalogue, override: ModelOverride): ModelEntry {
  const known = below.entries.find(
    ({ model, provider }) => model === override.model && provider === (override.provider ?? provider),
  );
  const assumed = {
    provider: 'custom',
    encoding: 'estimate',
    input: ['text'],
    tools: true,
    reasoning: false,
    structuredOutput: false,
    source: 'configuration',
    asOf: new Date().toISOString().slice(0, 10),
  };
  const result = modelEntrySchema.safeParse({ ...(known ?? assumed), ...override });
  if (result.success) return result.data;
  throw new CatalogueError(`The model ${override.model} cannot be used: ${z.prettifyError(result.error)}`);
}
