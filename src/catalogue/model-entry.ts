import { z } from 'zod';

const usdPerMillion = z.number().min(0).max(100_000);
const tokens = z.int().min(1);

/** USD per million tokens. Absent: not known, not free. */
export const priceSchema = z.strictObject({
  input: usdPerMillion,
  output: usdPerMillion,
  /** Of input read from the provider's prompt cache; without it, like other input. */
  cacheRead: usdPerMillion.optional(),
  /** Of input written into it. */
  cacheWrite: usdPerMillion.optional(),
});
export type ModelPrice = z.infer<typeof priceSchema>;

/** What is known of a model. */
export const modelEntrySchema = z.strictObject({
  /** Who serves it, as models.dev names them: openai, anthropic, google, mistral, deepseek, xai, groq, … */
  provider: z.string().min(1),
  model: z.string().min(1),
  /** Other names of the same model at the same price. */
  aliases: z.array(z.string().min(1)).optional(),
  /** Input and output together, as providers name it. */
  contextTokens: tokens,
  maxOutputTokens: tokens.optional(),
  /** `estimate`: its tokenizer is not published. */
  encoding: z.enum(['o200k_base', 'cl100k_base', 'estimate']),
  /** Kinds of input parts that it takes. */
  input: z.array(z.enum(['text', 'image', 'audio', 'file'])).min(1),
  tools: z.boolean(),
  reasoning: z.boolean(),
  structuredOutput: z.boolean(),
  price: priceSchema.optional(),
  /** Where this was found, for people. */
  source: z.string(),
  /** Day on which it was, such as 2025-12-01. */
  asOf: z.iso.date(),
});
export type ModelEntry = z.infer<typeof modelEntrySchema>;

/** A file of the catalogue: `models.json` here, or what `parley models import` writes. */
export const catalogueFileSchema = z.object({ note: z.string().optional(), models: z.array(modelEntrySchema) });
