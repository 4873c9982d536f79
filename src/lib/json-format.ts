import { Validator } from '@cfworker/json-schema';
/** What answers must look like, where that can be checked. */
export type CheckedFormat = { type: 'json' } | { type: 'json_schema'; schema: Record<string, unknown> };

/** Why a text does not meet a format, in words; undefined when it does. */
export function formatProblem(text: string, format: CheckedFormat): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  if (format.type === 'json') return undefined;
  let result: ReturnType<Validator['validate']>;
  try {
    result = new Validator(withoutPatterns(format.schema) as object, '2020-12', true).validate(value);
  } catch {
    // a schema that this validator cannot read was the provider's to keep
    return undefined;
  }
  if (result.valid) return undefined;
  const [problem] = result.errors.toReversed();
  return `at ${problem?.instanceLocation ?? '#'} it breaks “${problem?.keyword ?? 'the schema'}”`;
}

/** Whether a schema can be checked at all; the problem in words where not. */
export function schemaProblem(schema: Record<string, unknown>): string | undefined {
  try {
    new Validator(withoutPatterns(schema) as object, '2020-12', true).validate({});
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0]!.slice(0, 200);
  }
}

/**
 * Regular expressions in a schema are left to the provider: they come from a client, and one that backtracks for ever
 * would hold up everybody.
 */
function withoutPatterns(schema: unknown, depth = 0): unknown {
  if (depth > 32 || typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item) => withoutPatterns(item, depth + 1));
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !(key === 'pattern' && typeof value === 'string') && key !== 'patternProperties')
      .map(([key, value]) => [key, withoutPatterns(value, depth + 1)]),
  );
}
