import { z } from 'zod';
import { buildOpenapi } from '../build-openapi.ts';
import { defineRoute, type Route } from '../contract.ts';
import type { HttpServices } from '../services.ts';
import { exportRoute } from './export.ts';
import { keyRoutes } from './keys.ts';
import { type AsksItself, metricsRoutes } from './metrics.ts';
import { modelRoute } from './models.ts';
import { sessionRoutes } from './sessions.ts';
import { ticketRoutes } from './tickets.ts';
import { usageRoutes } from './usage.ts';

/** Every route that the parts at hand can answer. */
export function allRoutes(services: HttpServices & AsksItself): Route[] {
  const routes = [
    ...sessionRoutes(services),
    exportRoute(services),
    ...keyRoutes(services),
    ...ticketRoutes(services),
    ...usageRoutes(services),
    modelRoute(services),
    ...metricsRoutes(services),
  ];
  return [...routes, openapiRoute(routes)];
}

function openapiRoute(routes: readonly Route[]): Route {
  let text: string | undefined;
  const route: Route = defineRoute({
    name: 'readOpenapi',
    method: 'GET',
    path: '/v1/openapi.json',
    summary: 'This description',
    access: 'public',
    params: z.strictObject({}),
    query: z.strictObject({}),
    answer: {
      status: 200,
      description: 'An OpenAPI 3.1 document',
      data: z.looseObject({ openapi: z.string() }),
      isWhole: true,
    },
    answerTo() {
      text ??= JSON.stringify(buildOpenapi([...routes, route]));
      return { status: 200, headers: { 'content-type': 'application/json' }, body: text };
    },
  });
  return route;
}
