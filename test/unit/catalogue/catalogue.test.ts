import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CatalogueError, loadCatalogue } from '../../../src/catalogue/load-catalogue.ts';
import { encodingForModel } from '../../../src/tokens/encoding.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

const shipped = loadCatalogue();

describe('the models that come with Parley', () => {
  test('are many, each once, and frozen', () => {
    expect(shipped.entries.length).toBeGreaterThanOrEqual(40);
    const names = shipped.entries.flatMap(({ provider, model, aliases = [] }) =>
      [model, ...aliases].map((name) => `${provider}/${name}`),
    );
    expect(new Set(names).size).toBe(names.length);
    const [entry] = shipped.entries;
    expect(() => Object.assign(entry!, { model: 'x' })).toThrow(TypeError);
    expect(() => Object.assign(entry!.price!, { input: 0 })).toThrow(TypeError);
  });

  test('have prices in which reading from the cache is cheaper and answers are dearer', () => {
    for (const { model, price, input, maxOutputTokens = 1, contextTokens } of shipped.entries) {
      expect(price!.output, model).toBeGreaterThanOrEqual(price!.input);
      expect(price!.cacheRead ?? 0, model).toBeLessThan(price!.input);
      expect(input[0], model).toBe('text');
      expect(maxOutputTokens, model).toBeLessThanOrEqual(contextTokens);
    }
  });

  test('name the encoding that the counter takes for them', () => {
    for (const { provider, model, encoding } of shipped.entries)
      if (provider === 'openai') expect(encoding, model).toBe(encodingForModel(model));
  });
});

describe('a lookup', () => {
  test.each([
    ['gpt-4o', undefined, 'openai/gpt-4o'],
    ['gpt-4o-2024-08-06', 'openai-chat', 'openai/gpt-4o'],
    ['gpt-4o-mini-2024-07-18', 'openai-responses', 'openai/gpt-4o-mini'],
    ['openai/gpt-4o', 'openai-chat', 'openai/gpt-4o'],
    ['openrouter/openai/gpt-4o:free', undefined, 'openai/gpt-4o'],
    ['claude-sonnet-4-5-20250929', 'anthropic', 'anthropic/claude-sonnet-4-5'],
    ['claude-sonnet-4-5@20250929', undefined, 'anthropic/claude-sonnet-4-5'],
    ['claude-opus-4-0', 'anthropic', 'anthropic/claude-opus-4'],
    ['models/gemini-2.0-flash-001', 'gemini', 'google/gemini-2.0-flash'],
    ['mistral-large-latest', undefined, 'mistral/mistral-large-2411'],
    ['openai/gpt-oss-120b', undefined, 'groq/openai/gpt-oss-120b'],
    ['openai/gpt-oss-120b', 'groq', 'groq/openai/gpt-oss-120b'],
    ['grok-4', 'openai-responses', 'xai/grok-4'],
    ['grok-4', 'a wire of tomorrow', 'xai/grok-4'],
  ])('of %s (%s) finds %s', (model, provider, expected) => {
    const found = shipped.find(model, provider);
    expect(`${found?.provider}/${found?.model}`).toBe(expected);
  });

  test('of a provider’s own does not answer with another’s', () => {
    expect(shipped.find('gpt-4o', 'mistral')).toBeUndefined();
    expect(shipped.find('no-such-model')).toBeUndefined();
    expect(shipped.find('')).toBeUndefined();
    expect(shipped.find('/')).toBeUndefined();
  });

  test('of a fine-tune answers as its base, without a price', () => {
    const found = shipped.find('ft:gpt-4o-mini-2024-07-18:acme:support:8x2k', 'openai-chat');
    expect(found).toMatchObject({ model: 'gpt-4o-mini', contextTokens: 128_000 });
    expect(found).not.toHaveProperty('price');
    expect(shipped.find('gpt-4o-mini')!.price).toBeDefined();
  });
});

describe('files and overrides', () => {
  const file = (value: unknown): string => {
    const path = join(temporaryDirectory(), 'models.json');
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  };
  const entry = {
    provider: 'openai',
    model: 'gpt-4o',
    contextTokens: 1_000,
    encoding: 'o200k_base',
    input: ['text'],
    tools: false,
    reasoning: false,
    structuredOutput: false,
    source: 'test',
    asOf: '2026-01-02',
  };

  test('stand over what comes with Parley, the overrides over the files', () => {
    const catalogue = loadCatalogue({
      files: [file({ models: [entry] }), file({ models: [{ ...entry, contextTokens: 2_000 }] })],
      overrides: [
        { model: 'gpt-4o', price: { input: 1, output: 2 } },
        { model: 'house-model', contextTokens: 8_192 },
      ],
    });
    expect(catalogue.find('gpt-4o')).toEqual({ ...entry, contextTokens: 2_000, price: { input: 1, output: 2 } });
    expect(catalogue.find('house-model')).toMatchObject({ provider: 'custom', encoding: 'estimate' });
    expect(catalogue.find('gpt-4o-mini')).toEqual(shipped.find('gpt-4o-mini'));
    expect(catalogue.entries).toHaveLength(shipped.entries.length + 1);
  });

  test('that cannot be used are refused by name', () => {
    for (const bad of ['{', { models: [{ ...entry, contextTokens: '8k' }] }, { models: [{ ...entry, prize: 1 }] }, []])
      expect(() => loadCatalogue({ files: [file(bad)] })).toThrow(CatalogueError);
    expect(() => loadCatalogue({ files: ['/no/such/file.json'] })).toThrow(/no\/such\/file/);
    expect(() => loadCatalogue({ overrides: [{ model: 'nothing-known' }] })).toThrow(/nothing-known.*contextTokens/s);
  });
});
