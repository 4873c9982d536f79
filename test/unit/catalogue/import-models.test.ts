import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../src/catalogue/catalogue.ts';
import { importModels } from '../../../src/catalogue/import-models.ts';
import { CatalogueError } from '../../../src/catalogue/load-catalogue.ts';
import { modelEntrySchema } from '../../../src/catalogue/model-entry.ts';

const asOf = '2026-01-02';

/** As models.dev writes them, by hand. */
const modelsDev = {
  anthropic: {
    id: 'anthropic',
    env: ['ANTHROPIC_API_KEY'],
    npm: '@ai-sdk/anthropic',
    name: 'Anthropic',
    doc: 'https://docs.anthropic.com',
    models: {
      'claude-sonnet-4-5': {
        id: 'claude-sonnet-4-5',
        name: 'Claude Sonnet 4.5',
        attachment: true,
        reasoning: true,
        temperature: true,
        tool_call: true,
        knowledge: '2025-07-31',
        release_date: '2025-09-29',
        open_weights: false,
        modalities: { input: ['text', 'image', 'pdf'], output: ['text'] },
        cost: { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75 },
        limit: { context: 200_000, output: 64_000 },
      },
    },
  },
  openai: {
    id: 'openai',
    name: 'OpenAI',
    models: {
      'gpt-4o': {
        id: 'gpt-4o',
        tool_call: true,
        structured_output: true,
        modalities: { input: ['image', 'text', 'video'], output: ['text'] },
        cost: { input: 2.5, output: 10, cache_read: 1.25, context_over_200k: { input: 5, output: 20 } },
        limit: { context: 128_000, output: 16_384 },
      },
      'gpt-image-1': {
        id: 'gpt-image-1',
        modalities: { input: ['text'], output: ['image'] },
        limit: { context: 0, output: 0 },
      },
      broken: { id: 'broken', modalities: { input: ['text'], output: ['text'] }, limit: { context: '128k' } },
    },
  },
};

/** As LiteLLM writes them, by hand. */
const liteLlm = {
  sample_spec: { max_tokens: 'LEGACY parameter', litellm_provider: 'one of https://…', mode: 'one of: chat, …' },
  'gpt-4o-mini': {
    cache_read_input_token_cost: 7.5e-8,
    input_cost_per_token: 1.5e-7,
    input_cost_per_token_batches: 7.5e-8,
    litellm_provider: 'openai',
    max_input_tokens: 128_000,
    max_output_tokens: 16_384,
    max_tokens: 16_384,
    mode: 'chat',
    output_cost_per_token: 6e-7,
    supports_function_calling: true,
    supports_pdf_input: true,
    supports_response_schema: true,
    supports_vision: true,
    deprecation_date: '2030-01-01',
  },
  'claude-haiku-4-5-20251001': {
    cache_creation_input_token_cost: 1.25e-6,
    cache_read_input_token_cost: 1e-7,
    input_cost_per_token: 1e-6,
    litellm_provider: 'anthropic',
    max_input_tokens: 200_000,
    max_output_tokens: 64_000,
    mode: 'chat',
    output_cost_per_token: 5e-6,
    supports_reasoning: true,
  },
  'gemini/gemini-2.5-flash': {
    input_cost_per_token: 3e-7,
    output_cost_per_token: 2.5e-6,
    litellm_provider: 'gemini',
    max_input_tokens: 1_048_576,
    max_output_tokens: 65_535,
    mode: 'chat',
    supports_audio_input: true,
  },
  'groq/openai/gpt-oss-20b': { litellm_provider: 'groq', max_tokens: 32_768, mode: 'chat' },
  'text-embedding-3-small': { litellm_provider: 'openai', max_input_tokens: 8_191, mode: 'embedding' },
  'no-context': { litellm_provider: 'openai', mode: 'chat' },
  'odd-price': { litellm_provider: 'openai', mode: 'chat', max_tokens: 9, input_cost_per_token: '0.1' },
};

describe('models.dev', () => {
  const { models, skipped } = importModels(modelsDev, asOf);

  test('gives what is used of each model, in the catalogue’s own words', () => {
    expect(models).toEqual([
      {
        provider: 'anthropic',
        model: 'claude-sonnet-4-5',
        contextTokens: 200_000,
        maxOutputTokens: 64_000,
        encoding: 'estimate',
        input: ['text', 'image', 'file'],
        tools: true,
        reasoning: true,
        structuredOutput: false,
        price: { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
        source: 'models.dev',
        asOf,
      },
      expect.objectContaining({
        model: 'gpt-4o',
        encoding: 'o200k_base',
        input: ['text', 'image'],
        structuredOutput: true,
        price: { input: 2.5, output: 10, cacheRead: 1.25 },
      }),
    ]);
  });

  test('says which models were left out, and why', () => {
    expect(skipped).toEqual([
      { name: 'openai/gpt-image-1', reason: 'it does not answer in text' },
      { name: 'openai/broken', reason: expect.stringContaining('context') },
    ]);
  });
});

describe('LiteLLM', () => {
  const { models, skipped } = importModels(liteLlm, asOf);

  test('gives prices per million tokens, free of rounding, and names without prefixes', () => {
    expect(models.map(({ provider, model, price, input }) => ({ provider, model, price, input }))).toEqual([
      {
        provider: 'openai',
        model: 'gpt-4o-mini',
        price: { input: 0.15, output: 0.6, cacheRead: 0.075 },
        input: ['text', 'image', 'file'],
      },
      {
        provider: 'anthropic',
        model: 'claude-haiku-4-5-20251001',
        price: { input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25 },
        input: ['text'],
      },
      { provider: 'google', model: 'gemini-2.5-flash', price: { input: 0.3, output: 2.5 }, input: ['text', 'audio'] },
      { provider: 'groq', model: 'openai/gpt-oss-20b', price: undefined, input: ['text'] },
    ]);
    expect(models[3]).toMatchObject({ encoding: 'o200k_base', contextTokens: 32_768 });
    expect(createCatalogue(models).find('claude-haiku-4-5-20251001', 'anthropic')).toMatchObject({ reasoning: true });
  });

  test('says which models were left out, and why', () => {
    expect(skipped).toEqual([
      { name: 'text-embedding-3-small', reason: 'its mode is embedding' },
      { name: 'no-context', reason: 'its context is not known' },
      { name: 'odd-price', reason: expect.stringContaining('input_cost_per_token') },
    ]);
  });
});

test('what is imported may stand in a file of the catalogue', () => {
  for (const list of [modelsDev, liteLlm])
    for (const model of importModels(list, asOf).models) expect(modelEntrySchema.parse(model)).toEqual(model);
});

test('what is in neither format is refused', () => {
  for (const value of [{}, [], null, 'x', { a: { b: 1 } }])
    expect(() => importModels(value, asOf)).toThrow(CatalogueError);
});
