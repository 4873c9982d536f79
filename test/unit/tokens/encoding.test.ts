import modelToEncoding from 'tiktoken/model_to_encoding.json' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import { encodingForModel } from '../../../src/tokens/encoding.ts';

/** Encodings whose ordinary tokens are those of another; they differ in special tokens or in name alone. */
const SAME_TOKENS: Readonly<Record<string, string>> = { gpt2: 'r50k_base', p50k_edit: 'p50k_base' };

describe('the encoding of a model', () => {
  it.each(Object.entries(modelToEncoding))('is for %s what tiktoken says', (model, encoding) => {
    expect(encodingForModel(model)).toBe(SAME_TOKENS[encoding] ?? encoding);
  });

  it.each([
    ['openai/gpt-4o', 'o200k_base'],
    ['openrouter/openai/gpt-4-turbo', 'cl100k_base'],
    ['ft:gpt-4o:acme::abc123', 'o200k_base'],
    ['ft:gpt-3.5-turbo-0613:acme::abc123', 'cl100k_base'],
    ['openai/ft:gpt-4:acme::1', 'cl100k_base'],
    ['davinci:ft-acme-2023-01-01', 'r50k_base'],
    ['GPT-4', 'cl100k_base'],
    ['gpt-4.1-nano', 'o200k_base'],
    ['gpt-5-mini', 'o200k_base'],
    ['gpt-6', 'o200k_base'],
    ['o4-mini', 'o200k_base'],
    ['chatgpt-4o-latest', 'o200k_base'],
    ['gpt2-xl', 'r50k_base'],
    ['adamant-7b', 'o200k_base'],
    ['code-davinci-003', 'p50k_base'],
    ['anthropic/claude-sonnet-4', 'o200k_base'],
    ['', 'o200k_base'],
  ])('is for %s %s', (model, encoding) => {
    expect(encodingForModel(model)).toBe(encoding);
  });
});
