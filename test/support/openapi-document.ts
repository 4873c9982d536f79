import { Validator } from '@cfworker/json-schema';
import { buildOpenapi } from '../../src/http/build-openapi.ts';
import type { Route } from '../../src/http/contract.ts';
import { RouteTable } from '../../src/http/route-table.ts';
import { allRoutes } from '../../src/http/routes/all-routes.ts';

type Answers = Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>;

export interface OpenapiDocument {
  paths: Record<string, Record<string, { operationId: string; responses: Answers }>>;
  components: { responses: Answers; schemas: Record<string, object> };
}

/** Every route there is, whatever parts a gateway has: declared, not to be called. */
export const declaredRoutes: Route[] = allRoutes({
  keys: {},
  tickets: {},
  queryUsage: async () => undefined,
  figures: {},
} as unknown as Parameters<typeof allRoutes>[0]);

export const openapiDocument = JSON.parse(JSON.stringify(buildOpenapi(declaredRoutes))) as OpenapiDocument;

const table = new RouteTable(declaredRoutes);
const validators = new Map<string, Validator>();

/** What is wrong with an answer by its declaration; undefined when nothing is. */
export function answerProblem(
  method: string,
  path: string,
  status: number,
  type: string,
  body: unknown,
): string | undefined {
  const found = table.find(method, path);
  const isProblem = status >= 400;
  const wanted = isProblem ? 'application/problem+json' : 'application/json';
  if (isProblem && type !== wanted) return `a problem came as ${type}`;
  if (found.outcome !== 'found') return isProblem ? check('Problem', body) : undefined;
  const { responses } = openapiDocument.paths[found.template]![found.route.method.toLowerCase()]!;
  const declared = responses[status];
  if (declared === undefined) return `${found.route.name} does not declare ${status}`;
  const { content = {} } =
    declared.$ref === undefined ? declared : openapiDocument.components.responses[declared.$ref.split('/').at(-1)!]!;
  const offered = content[type.split(';')[0]!];
  if (offered === undefined) return `${found.route.name} does not declare ${type} for ${status}`;
  return type === wanted ? check(isProblem ? 'Problem' : `${found.route.name}.answer`, body) : undefined;
}

function check(name: string, body: unknown): string | undefined {
  let validator = validators.get(name);
  if (validator === undefined) {
    validator = new Validator(openapiDocument.components.schemas[name] as never, '2020-12', false);
    validators.set(name, validator);
  }
  const { valid, errors } = validator.validate(body);
  return valid
    ? undefined
    : `${name}: ${errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`).join('; ')}`;
}
