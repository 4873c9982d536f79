import type { ModelEntry } from './model-entry.ts';
import { type NameReading, readingsOf } from './model-names.ts';

/** Facts of models by name. What it answers is frozen. */
export interface Catalogue {
  readonly entries: readonly Readonly<ModelEntry>[];
  /**
   * What is known of a model; undefined where nothing is. `provider` is a provider's name, or the wire of an upstream: a wire
   * that is one provider's own means that one first, others (and none) mean any, and then a prefix such as `openai/…` decides.
   * A fine-tune is answered with its base, without a price.
   */
  find(model: string, provider?: string): Readonly<ModelEntry> | undefined;
}

/** Wires that are one provider's own. */
const providerOfWire: Readonly<Record<string, string | undefined>> = {
  anthropic: 'anthropic',
  gemini: 'google',
  'openai-responses': 'openai',
};

/** Later entries stand over earlier ones of the same provider and model. */
export function createCatalogue(given: readonly ModelEntry[]): Catalogue {
  const latest = new Map(
    given.map((entry) => [keyOf(entry.provider, entry.model), deepFreeze(structuredClone(entry))]),
  );
  const entries = Object.freeze([...latest.values()]);
  const byKey = new Map<string, Readonly<ModelEntry>>();
  const byName = new Map<string, Readonly<ModelEntry>>();
  // own names come before the aliases of others
  for (const entry of entries) byKey.set(keyOf(entry.provider, entry.model), entry);
  for (const entry of entries) if (!byName.has(entry.model)) byName.set(entry.model, entry);
  for (const entry of entries) {
    for (const alias of entry.aliases ?? []) {
      const key = keyOf(entry.provider, alias);
      if (!byKey.has(key)) byKey.set(key, entry);
      if (!byName.has(alias)) byName.set(alias, entry);
    }
  }
  const providers = new Set(entries.map(({ provider }) => provider));

  return Object.freeze({
    entries,
    find(model: string, asked?: string) {
      const wireOwner = asked === undefined ? undefined : providerOfWire[asked];
      const provider = wireOwner ?? (asked !== undefined && providers.has(asked) ? asked : undefined);
      const readings = readingsOf(model);
      const own = provider === undefined ? undefined : first(readings, (name) => byKey.get(keyOf(provider, name)));
      // others may speak a wire that began as one provider's
      if (own !== undefined || (provider !== undefined && wireOwner === undefined)) return own;
      // a name with a prefix may be a provider's own (Groq's openai/gpt-oss-120b), or name the provider
      return first(readings, (name) => byKey.get(name) ?? byName.get(name));
    },
  });
}

function first(
  readings: readonly NameReading[],
  look: (name: string) => Readonly<ModelEntry> | undefined,
): Readonly<ModelEntry> | undefined {
  for (const { name, isFineTuned } of readings) {
    const found = look(name);
    if (found !== undefined) return isFineTuned ? withoutPrice(found) : found;
  }
  return undefined;
}

function keyOf(provider: string, model: string): string {
  return `${provider}/${model}`;
}

function withoutPrice({ price: _price, ...entry }: Readonly<ModelEntry>): Readonly<ModelEntry> {
  return Object.freeze(entry);
}

function deepFreeze<Value extends object>(value: Value): Readonly<Value> {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) Object.freeze(part);
  return Object.freeze(value);
}
