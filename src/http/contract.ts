import type { z } from 'zod';
import type { Identity, Permission } from '../auth/contract.ts';
import type { HttpResponse } from '../transport/contract.ts';

/** What a route is asked, checked by its schemas. */
export interface ApiRequest<Params, Query, Body> {
  id: string;
  /** Upper case; `HEAD` is told as `GET`. */
  method: string;
  address: string;
  params: Params;
  query: Query;
  body: Body;
  /** The client went away. */
  signal: AbortSignal;
  header(name: string): string | undefined;
  /** The type the client likes best of those that the route offers. */
  accepted: string;
}

/** An answer in the envelope `{ data, requestId, next? }`, or one that is sent as it is. */
export type ApiAnswer =
  | { status: number; data: unknown; next?: string | undefined }
  | { status: number; headers: Record<string, string>; body: HttpResponse['body'] };

/** What a successful answer is, by its status; `data` of the envelope unless `isWhole`. */
export interface AnswerShape {
  status: number;
  description: string;
  data: z.ZodType;
  /** The page may have a successor, `next`. */
  isPage?: boolean | undefined;
  /** The schema is that of the whole answer, without an envelope. */
  isWhole?: boolean | undefined;
  /** Media types that it comes in; default: `application/json` alone. The schema is that of JSON. */
  types?: readonly [string, ...string[]] | undefined;
}

interface RouteShape<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType> {
  /** Name of the operation. */
  name: string;
  method: 'GET' | 'POST' | 'DELETE';
  /** As `/v1/sessions/{id}`. */
  path: string;
  summary: string;
  description?: string | undefined;
  /** What its identity must be allowed; `identity`: any will do; `public`: nobody is asked, or the route asks itself. */
  access: Permission | 'identity' | 'public';
  params: Params;
  query: Query;
  /** Absent: the route takes no body. */
  body?: Body | undefined;
  answer: AnswerShape;
  /** Codes of problems that are the route's own. */
  problems?: readonly number[] | undefined;
}

export interface TypedRoute<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType>
  extends RouteShape<Params, Query, Body> {
  answerTo(
    request: ApiRequest<z.output<Params>, z.output<Query>, z.output<Body>>,
    identity: Identity,
  ): Promise<ApiAnswer> | ApiAnswer;
}

/** A route whose types are known to itself alone. */
export interface Route extends RouteShape<z.ZodObject, z.ZodObject, z.ZodType> {
  answerTo(request: ApiRequest<unknown, unknown, unknown>, identity: Identity): Promise<ApiAnswer> | ApiAnswer;
}

/** Declares a route, so that its handler gets what its schemas say. */
export function defineRoute<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType>(
  route: TypedRoute<Params, Query, Body>,
): Route {
  return route as unknown as Route;
}
