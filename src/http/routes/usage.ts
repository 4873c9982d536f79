import { z } from 'zod';
import type { Identity } from '../../auth/contract.ts';
import { operatorRole } from '../../auth/permissions.ts';
import {
  type QueryUsage,
  type UsageDimension,
  usageDimensions,
  type UsageReport,
  UsageQueryError,
} from '../../ledger/contract.ts';
import { defineRoute, type Route } from '../contract.ts';
import { Problem } from '../problem.ts';
import type { HttpServices } from '../services.ts';
import { actBy } from '../act-by.ts';
import { parseTime } from '../usage-time.ts';
import { writeCsv } from '../write-csv.ts';

const count = z.int().min(0);
const sums = {
  attempts: count,
  turns: count,
  input: count,
  output: count,
  cached: count,
  reasoning: count,
  costUsd: z.number().min(0),
  /** Calls without a known price: not in the cost. */
  unpriced: count,
};
const sumNames = Object.keys(sums) as (keyof typeof sums)[];

const reportSchema = z.strictObject({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  groups: z.array(
    z.strictObject({
      /** Begin of the interval. */
      time: z.string().optional(),
      by: z.partialRecord(z.enum(usageDimensions), z.string()),
      ...sums,
    }),
  ),
  total: z.strictObject(sums),
});

const time = z.string().max(40);
const filters = Object.fromEntries(usageDimensions.map((name) => [name, z.string().max(256).optional()])) as Record<
  UsageDimension,
  z.ZodOptional<z.ZodString>
>;

const querySchema = z.strictObject({
  from: time.default('-7d').describe('ISO 8601, or relative as -7d (m, h, d, w)'),
  to: time.default('now').describe('As `from`; exclusive'),
  groupBy: z
    .string()
    .max(256)
    .default('')
    .describe(`Names separated by commas: ${usageDimensions.join(', ')}`),
  interval: z.enum(['hour', 'day', 'month']).optional(),
  format: z.enum(['json', 'csv']).optional().describe('Goes before `Accept`'),
  ...filters,
});
type UsageParameters = z.output<typeof querySchema>;

/** Sums of what was used: of the tenant for its admins, of all for operators, and of the own turns for everybody else. */
export function usageRoutes({ queryUsage, audit, clock }: HttpServices): Route[] {
  if (queryUsage === undefined) return [];
  return [
    defineRoute({
      name: 'readUsage',
      method: 'GET',
      path: '/v1/usage',
      summary: 'What was used, in sums',
      description:
        'Admins see their tenant, the role `operator` all tenants, everybody else what they used themselves. Other parameters are filters by equality.',
      access: 'identity',
      params: z.strictObject({}),
      query: querySchema,
      answer: { status: 200, description: 'The sums', data: reportSchema, types: ['application/json', 'text/csv'] },
      problems: [422],
      async answerTo({ id, query, address, accepted }, identity) {
        const report = await ask(queryUsage, usageQueryOf(query, identity, clock.wall()));
        audit.note(actBy(identity, { id, address }, { act: 'usage.read' }));
        const isCsv = query.format === undefined ? accepted === 'text/csv' : query.format === 'csv';
        if (!isCsv) return { status: 200, data: report };
        return {
          status: 200,
          headers: {
            'content-type': 'text/csv; charset=utf-8; header=present',
            'content-disposition': 'attachment; filename="usage.csv"',
          },
          body: csvOf(report, dimensionsOf(query.groupBy), query.interval !== undefined),
        };
      },
    }),
  ];
}

async function ask(queryUsage: QueryUsage, query: Parameters<QueryUsage>[0]): Promise<UsageReport> {
  try {
    return await queryUsage(query);
  } catch (error) {
    if (error instanceof UsageQueryError) throw new Problem('query_too_large', error.message, { cause: error });
    throw error;
  }
}

function usageQueryOf(query: UsageParameters, identity: Identity, nowMs: number): Parameters<QueryUsage>[0] {
  const from = timeOf('from', query.from, nowMs);
  const to = timeOf('to', query.to, nowMs);
  if (from >= to) throw wrong('from', 'it must be before “to”');
  const filter: Partial<Record<UsageDimension, string>> = {};
  for (const name of usageDimensions) if (query[name] !== undefined) filter[name] = query[name];
  const scope = scopeOf(identity, filter);
  return { ...scope, from, to, groupBy: dimensionsOf(query.groupBy), interval: query.interval };
}

/** What the caller may see; asking for more is refused, whether or not there is any. */
function scopeOf(
  identity: Identity,
  filter: Partial<Record<UsageDimension, string>>,
): { tenant: string | undefined; filter: Partial<Record<UsageDimension, string>> } {
  const { tenant, subject, roles } = identity;
  const isAdmin = identity.permissions?.includes('admin') === true;
  if (isAdmin && roles.includes(operatorRole)) return { tenant: filter.tenant, filter };
  if (filter.tenant !== undefined && filter.tenant !== tenant)
    throw new Problem('forbidden', 'Usage of other tenants is for operators.');
  if (isAdmin) return { tenant, filter };
  if (filter.user !== undefined && filter.user !== subject)
    throw new Problem('forbidden', 'Usage of other users needs the permission “admin”.');
  return { tenant, filter: { ...filter, user: subject } };
}

function dimensionsOf(text: string): UsageDimension[] {
  const names = text === '' ? [] : text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!(usageDimensions as readonly string[]).includes(name))
      throw wrong('groupBy', `it takes ${usageDimensions.join(', ')}`);
  }
  return [...new Set(names as UsageDimension[])];
}

function timeOf(field: string, text: string, nowMs: number): number {
  const ms = parseTime(text, nowMs);
  if (ms === undefined) throw wrong(field, 'it takes a time such as 2026-01-31, 2026-01-31T12:00:00Z, -7d or now');
  return ms;
}

function wrong(field: string, message: string): Problem {
  return new Problem('invalid_frame', `The request cannot be used: query: “${field}”: ${message}.`, {
    violations: [{ in: 'query', field, message }],
  });
}

function csvOf({ groups }: UsageReport, dimensions: readonly UsageDimension[], hasTime: boolean): string {
  const head = [...(hasTime ? ['time'] : []), ...dimensions, ...sumNames];
  const rows = groups.map((group) => [
    ...(hasTime ? [group.time ?? ''] : []),
    ...dimensions.map((name) => group.by[name] ?? ''),
    ...sumNames.map((name) => group[name]),
  ]);
  return writeCsv([head, ...rows]);
}
