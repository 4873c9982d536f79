import { z } from 'zod';
import type { Route } from './contract.ts';
import { problemSchema } from './problem.ts';

/** What every route may answer beside its own problems. */
const commonProblems = [400, 403, 404, 405, 406, 429, 500, 503];
const statusTexts: Record<number, string> = {
  400: 'The request cannot be used; `errors` names the fields.',
  401: 'There is no credential, or it is wrong, expired or revoked.',
  403: 'The identity may not do this, or the page may not ask.',
  404: 'There is no such thing, or it belongs to someone else.',
  405: 'The address does not answer this method.',
  406: 'The answer does not come in an accepted format.',
  408: 'The body did not come in time.',
  409: 'A request with this Idempotency-Key is being answered.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  422: 'The Idempotency-Key was used with another request, or the question is too large.',
  429: 'A limit was reached; `Retry-After` says when to try again.',
  500: 'The gateway failed.',
  503: 'The gateway or its store cannot answer now.',
};

/** The routes as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html). */
export function buildOpenapi(routes: readonly Route[]): object {
  const schemas: Record<string, object> = { Problem: jsonSchemaOf(problemSchema, 'output') };
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const { name, path, method, answer, body } = route;
    schemas[`${name}.answer`] = answerSchemaOf(answer);
    if (body !== undefined) schemas[`${name}.body`] = jsonSchemaOf(body, 'input');
    (paths[path] ??= {})[method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version: '1',
      description:
        'Management of sessions, keys and usage. Conversations are held over the WebSocket: see PROTOCOL.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a JSON Web Token.' } },
      responses: Object.fromEntries(
        Object.entries(statusTexts).map(([status, description]) => [
          `Problem${status}`,
          problemAnswer(Number(status), description),
        ]),
      ),
      schemas,
    },
  };
}

function operationOf(route: Route): object {
  const { name, method, summary, description, access, params, query, body, answer, problems = [] } = route;
  const types = answer.types ?? ['application/json'];
  const bodyProblems = body === undefined ? [] : [408, 409, 413, 415, 422];
  const authProblems = access === 'public' ? [] : [401];
  const statuses = [...new Set([...commonProblems, ...authProblems, ...bodyProblems, ...problems])].sort(
    (a, b) => a - b,
  );
  const needs = access === 'public' || access === 'identity' ? [] : [`Needs the permission \`${access}\`.`];
  return {
    operationId: name,
    summary,
    description: [description, ...needs].filter((text) => text !== undefined).join(' ') || undefined,
    security: access === 'public' ? [] : undefined,
    parameters: [
      ...parametersOf(params, 'path'),
      ...parametersOf(query, 'query'),
      ...(method === 'POST' ? [idempotencyParameter] : []),
    ],
    requestBody:
      body === undefined
        ? undefined
        : {
            required: true,
            content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}.body` } } },
          },
    responses: {
      [answer.status]: {
        description: answer.description,
        headers: { 'x-request-id': { schema: { type: 'string' } } },
        content: Object.fromEntries(
          types.map((type) => [
            type,
            {
              schema:
                type === 'application/json' ? { $ref: `#/components/schemas/${name}.answer` } : { type: 'string' },
            },
          ]),
        ),
      },
      ...Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/Problem${status}` }])),
    },
  };
}

const idempotencyParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same request with the same key is done once, within a day; the answer is given again.',
  schema: { type: 'string', minLength: 16, maxLength: 255 },
};

function parametersOf(schema: z.ZodObject, place: 'path' | 'query'): object[] {
  const { properties = {}, required = [] } = jsonSchemaOf(schema, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    description,
    schema: rest,
  }));
}

function answerSchemaOf({ data, isWhole, isPage }: Route['answer']): object {
  if (isWhole === true) return jsonSchemaOf(data, 'output');
  return {
    type: 'object',
    properties: {
      data: jsonSchemaOf(data, 'output'),
      requestId: { type: 'string' },
      ...(isPage === true
        ? { next: { type: 'string', description: '`cursor` of the next page; absent on the last.' } }
        : {}),
    },
    required: ['data', 'requestId'],
    additionalProperties: false,
  };
}

function problemAnswer(status: number, description: string): object {
  return {
    description,
    headers: {
      'x-request-id': { schema: { type: 'string' } },
      ...(status === 401 ? { 'www-authenticate': { schema: { type: 'string' } } } : {}),
      ...([409, 429, 503].includes(status) ? { 'retry-after': { schema: { type: 'integer' } } } : {}),
      ...(status === 405 ? { allow: { schema: { type: 'string' } } } : {}),
    },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

/** `input`: as it is sent by a client, where defaults may be left out. */
function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
