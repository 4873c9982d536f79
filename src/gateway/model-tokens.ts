import { countTokens, countTokensSliced } from '../tokens/count-tokens.ts';
import { type EncodingName, encodingForModel } from '../tokens/encoding.ts';
import { createTokenCounter } from '../tokens/token-counter.ts';
import type { ModelTokens } from '../turn/contract.ts';

const byModel = new Map<string, ModelTokens>();
/** Models whose tokenizer is published and known here, under a vendor prefix or as a fine-tune too. */
const publishedFamilies =
  /^(?:[\w.-]+\/)?(?:ft:)?(?:gpt|chatgpt|o[1-9]|text-|code-|davinci|curie|babbage|ada|practice)/i;
/** Clients may ask for any model name; the table of those seen stays small. */
const maxModels = 1_000;

/** Counting for a model: exact where its tokenizer is published, an estimate by o200k_base elsewhere. */
export function tokensForModel(model: string): ModelTokens {
  const known = byModel.get(model);
  if (known !== undefined) return known;
  const encoding: EncodingName = encodingForModel(model);
  const tokens: ModelTokens = {
    createCounter: () => createTokenCounter(encoding),
    count: (text) => countTokens(encoding, text),
    countSliced: (text) => countTokensSliced(encoding, text),
    exact: publishedFamilies.test(model),
  };
  if (byModel.size >= maxModels) byModel.clear();
  byModel.set(model, tokens);
  return tokens;
}
