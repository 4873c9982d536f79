/** The byte-pair encodings this gateway can count; the names are those of tiktoken. */
export type EncodingName = 'o200k_base' | 'cl100k_base' | 'p50k_base' | 'r50k_base';

/**
 * Model family to encoding, first match wins, so narrower prefixes stand before wider ones ("gpt-4o" before "gpt-4").
 * Source: `model_to_encoding.json` of tiktoken and `MODEL_PREFIX_TO_ENCODING` of the Python package.
 */
const FAMILIES: ReadonlyArray<readonly [prefix: string, encoding: EncodingName]> = [
  ['gpt-4o', 'o200k_base'],
  ['gpt-4.1', 'o200k_base'],
  ['gpt-4.5', 'o200k_base'],
  ['gpt-4', 'cl100k_base'],
  ['gpt-3.5', 'cl100k_base'],
  // Azure spells deployments of this family without the dot.
  ['gpt-35', 'cl100k_base'],
  ['text-embedding', 'cl100k_base'],
  ['davinci-002', 'cl100k_base'],
  ['babbage-002', 'cl100k_base'],
  ['text-davinci-002', 'p50k_base'],
  ['text-davinci-003', 'p50k_base'],
  // p50k_edit differs from p50k_base in special tokens only, which are never counted as such here.
  ['text-davinci-edit', 'p50k_base'],
  ['code-search', 'r50k_base'],
  ['code-', 'p50k_base'],
  ['davinci-codex', 'p50k_base'],
  ['cushman-codex', 'p50k_base'],
  ['text-davinci', 'r50k_base'],
  ['text-curie', 'r50k_base'],
  ['text-babbage', 'r50k_base'],
  ['text-ada', 'r50k_base'],
  ['text-similarity', 'r50k_base'],
  ['text-search', 'r50k_base'],
  ['davinci', 'r50k_base'],
  ['curie', 'r50k_base'],
  ['babbage', 'r50k_base'],
  ['ada', 'r50k_base'],
  ['gpt2', 'r50k_base'],
  ['gpt-2', 'r50k_base'],
];

/** A family is followed by nothing or by a suffix: "ada" and "ada-001", never "adamant-7b". */
function isOfFamily(model: string, prefix: string): boolean {
  if (!model.startsWith(prefix)) return false;
  return prefix.endsWith('-') || !/^[a-z]/.test(model.slice(prefix.length));
}

/**
 * The encoding of a model by its name. Vendor paths ("openai/gpt-4o") and fine-tunes ("ft:gpt-4o:org::id",
 * "davinci:ft-org-2023") count as their base model. Models of other makers publish no encoding that tiktoken has;
 * they, and names not known yet, get `o200k_base` as the nearest estimate.
 */
export function encodingForModel(model: string): EncodingName {
  const path = model.trim().toLowerCase();
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/^ft:/, '');
  return FAMILIES.find(([prefix]) => isOfFamily(name, prefix))?.[1] ?? 'o200k_base';
}
