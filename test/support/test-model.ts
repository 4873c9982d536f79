/** A model of the catalogue that is known by its price alone, in US dollars a million tokens. */
export function testModel(model: string, price: { input: number; output: number; cacheRead?: number }) {
  return {
    provider: 'openai' as const,
    model,
    contextTokens: 100_000,
    encoding: 'o200k_base' as const,
    input: ['text' as const],
    tools: true,
    reasoning: false,
    structuredOutput: false,
    price,
    source: 'test',
    asOf: '2026-01-01',
  };
}
