import type { Catalogue } from '../catalogue/catalogue.ts';
import { CatalogueError, loadCatalogue, type ModelOverride } from '../catalogue/load-catalogue.ts';
import type { ModelEntry } from '../catalogue/model-entry.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/schema.ts';
import type { Target } from '../routing/contract.ts';
import type { TurnEnvironment } from '../turn/contract.ts';
import { UpstreamError, type UpstreamMessage, type UpstreamPart } from '../upstream/contract.ts';

const kinds: Record<UpstreamPart['type'], string> = {
  text: 'text',
  image: 'images',
  audio: 'audio',
  file: 'files',
};

export interface ModelFacts extends Required<Pick<TurnEnvironment, 'refusalOf' | 'contextTokensOf'>> {
  /** Undefined for a model that is not known. */
  entryOf(model: string, wire: string): Readonly<ModelEntry> | undefined;
}

/** What turns ask the catalogue; of a model that it does not know nothing is refused. Throws `ConfigError`. */
export function createModelFacts(config: Config): ModelFacts {
  const catalogue = catalogueOf(config);
  return {
    entryOf: (model, wire) => catalogue.find(model, wire),
    refusalOf({ model, upstream }: Target, messages, hasTools) {
      const entry = catalogue.find(model, upstream.wire);
      if (entry === undefined) return undefined;
      const missing = partTypes(messages).find((type) => !entry.input.includes(type));
      if (missing !== undefined)
        return new UpstreamError('input_unsupported', `The model does not take ${kinds[missing]}.`);
      if (hasTools && !entry.tools) return new UpstreamError('input_unsupported', 'The model does not call tools.');
      return undefined;
    },
    contextTokensOf({ model, upstream }) {
      const entry = catalogue.find(model, upstream.wire);
      if (entry === undefined) return undefined;
      // what is left for the answer: as much as it may write, but no more than a quarter
      return entry.contextTokens - Math.min(entry.maxOutputTokens ?? 0, Math.floor(entry.contextTokens / 4));
    },
  };
}

function catalogueOf({ catalogue: { files, models } }: Config): Catalogue {
  try {
    // what zod leaves undefined is absent
    return loadCatalogue({
      files,
      overrides: models.map((entry) => JSON.parse(JSON.stringify(entry)) as ModelOverride),
    });
  } catch (error) {
    if (error instanceof CatalogueError) throw new ConfigError([`“catalogue”: ${error.message}`], [['catalogue']]);
    throw error;
  }
}

function partTypes(messages: readonly UpstreamMessage[]): UpstreamPart['type'][] {
  return messages.flatMap((message) =>
    message.role === 'user' && typeof message.content !== 'string' ? message.content.map(({ type }) => type) : [],
  );
}
