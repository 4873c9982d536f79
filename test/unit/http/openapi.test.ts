import { describe, expect, test } from 'vitest';
import { expectGenerated } from '../../support/generated-file.ts';
import { declaredRoutes, openapiDocument } from '../../support/openapi-document.ts';

describe('the OpenAPI document', () => {
  test('is the generated file', () => {
    expectGenerated('protocol/openapi.json', `${JSON.stringify(openapiDocument, undefined, 2)}\n`);
  });

  test('has an operation with its own name for every route', () => {
    const operations = Object.values(openapiDocument.paths).flatMap((path) => Object.values(path));
    const names = operations.map(({ operationId }) => operationId);
    expect(names.sort()).toEqual(declaredRoutes.map(({ name }) => name).sort());
    expect(new Set(names).size).toBe(names.length);
  });

  test('refers to nothing that is not there', () => {
    const missing = refsOf(openapiDocument).filter((ref) => resolve(ref) === undefined);
    expect(missing).toEqual([]);
    expect(refsOf(openapiDocument).every((ref) => ref.startsWith('#/components/'))).toBe(true);
  });

  test('declares each parameter of a path', () => {
    for (const [path, operations] of Object.entries(openapiDocument.paths)) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const operation of Object.values(operations)) {
        const { parameters } = operation as unknown as {
          parameters: { name: string; in: string; required: boolean }[];
        };
        const declared = parameters.filter((parameter) => parameter.in === 'path');
        expect(declared.map(({ name }) => name)).toEqual(wanted);
        expect(declared.every(({ required }) => required)).toBe(true);
      }
    }
  });

  test('names what a mutation needs and what a public route does not', () => {
    const { security } = openapiDocument.paths['/v1/openapi.json']!.get as unknown as { security: unknown };
    expect(security).toEqual([]);
    const { responses } = openapiDocument.paths['/v1/keys']!.post!;
    expect(Object.keys(responses)).toEqual(
      expect.arrayContaining(['201', '401', '403', '409', '413', '415', '422', '429']),
    );
  });
});

function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' ? [item] : refsOf(item),
  );
}

function resolve(ref: string): unknown {
  return ref
    .slice(2)
    .split('/')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], openapiDocument);
}
