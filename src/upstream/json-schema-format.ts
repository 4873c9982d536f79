import { isObject } from './json-fields.ts';

export interface JsonSchemaFormat {
  name: string;
  schema: Record<string, unknown>;
  strict?: boolean | undefined;
}

/** A schema as OpenAI takes it; `strict`, which makes the provider keep to it, only where the schema can be. */
export function jsonSchemaFormat(format: {
  name?: string | undefined;
  schema: Record<string, unknown>;
}): JsonSchemaFormat {
  const name = (format.name ?? '').replace(/[^\w-]/g, '_').slice(0, 64);
  return {
    name: name === '' ? 'answer' : name,
    schema: format.schema,
    ...(isStrict(format.schema, 0) ? { strict: true } : {}),
  };
}

const deepest = 10;
const notStrict = [
  'allOf',
  'not',
  'if',
  'then',
  'else',
  'oneOf',
  'patternProperties',
  'dependentSchemas',
  'dependentRequired',
];

/**
 * Every object names all of its properties as required and no others.
 * Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
 */
function isStrict(schema: unknown, depth: number): boolean {
  if (!isObject(schema) || depth > deepest || notStrict.some((keyword) => keyword in schema)) return false;
  if (depth === 0 && schema['type'] !== 'object') return false;
  const { properties = {}, required = [], items, anyOf = [], $defs = {} } = schema;
  if (!isObject(properties) || !isObject($defs) || !Array.isArray(required) || !Array.isArray(anyOf)) return false;
  const isObjectSchema = schema['type'] === 'object' || 'properties' in schema;
  if (isObjectSchema) {
    const isClosed = schema['additionalProperties'] === false;
    if (!isClosed || !Object.keys(properties).every((name) => required.includes(name))) return false;
  }
  const inner = [
    ...Object.values(properties),
    ...Object.values($defs),
    ...anyOf,
    ...(items === undefined ? [] : [items]),
  ];
  return inner.every((each) => isStrict(each, depth + 1));
}
