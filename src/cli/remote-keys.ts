import { z } from 'zod';
import { keyRevokedSchema, keySchema, keyWithSecretSchema } from '../auth/key-schemas.ts';
import { CommandError } from './command-error.ts';
import type { KeyCommands } from './key-commands.ts';

const requestMs = 15_000;

/** The keys of a gateway that runs, over its HTTP API. */
export function createRemoteKeys(url: string, key: string): KeyCommands {
  const base = url.replace(/^ws/, 'http');

  /** Undefined where there is nothing of that name. */
  async function ask<Schema extends z.ZodType>(
    schema: Schema,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Enveloped<Schema> | undefined> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, base), {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(requestMs),
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new CommandError(`The gateway at ${base} cannot be reached; check --url.`, 1);
    }
    const value: unknown = await answer.json().catch(() => undefined);
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new CommandError(messageOf(value, answer.status), answer.status === 400 ? 2 : 1);
    const result = enveloped(schema).safeParse(value);
    if (!result.success)
      throw new CommandError('The gateway gave an answer that cannot be read; is it of this version?', 1);
    return result.data as Enveloped<Schema>;
  }

  const nowhere = (): never => {
    throw new CommandError(`There are no keys at ${base}; is it the address of a gateway?`, 1);
  };
  return {
    create: async (request) => ((await ask(keyWithSecretSchema, 'POST', '/v1/keys', request)) ?? nowhere()).data,
    async list({ tenant, after }) {
      const query = new URLSearchParams();
      if (tenant !== undefined) query.set('tenant', tenant);
      if (after !== undefined) query.set('cursor', after);
      const { data, next } = (await ask(z.array(keySchema), 'GET', `/v1/keys?${query.toString()}`)) ?? nowhere();
      return next === undefined ? { keys: data } : { keys: data, next };
    },
    rotate: async (id, overlapSeconds) =>
      (await ask(keyWithSecretSchema, 'POST', `/v1/keys/${encodeURIComponent(id)}/rotate`, { overlapSeconds }))?.data,
    revoke: async (id) => (await ask(keyRevokedSchema, 'DELETE', `/v1/keys/${encodeURIComponent(id)}`))?.data.key,
  };
}

interface Enveloped<Schema extends z.ZodType> {
  data: z.output<Schema>;
  next?: string | undefined;
}

/** How every answer comes. */
function enveloped(data: z.ZodType): z.ZodType {
  return z.object({ data, next: z.string().optional() });
}

/** The sentence of a problem (RFC 9457). */
function messageOf(value: unknown, status: number): string {
  const { detail } = (value ?? {}) as { detail?: unknown };
  return typeof detail === 'string' ? detail : `The gateway refused with ${status}.`;
}
