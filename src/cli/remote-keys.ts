import type { z } from 'zod';
import { keyListSchema, keyRevokedSchema, keyWithSecretSchema } from '../auth/key-schemas.ts';
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
  ): Promise<z.output<Schema> | undefined> {
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
    const result = schema.safeParse(value);
    if (!result.success)
      throw new CommandError('The gateway gave an answer that cannot be read; is it of this version?', 1);
    return result.data;
  }

  const nowhere = (): never => {
    throw new CommandError(`There are no keys at ${base}; is it the address of a gateway?`, 1);
  };
  return {
    create: async (request) => (await ask(keyWithSecretSchema, 'POST', '/v1/keys', request)) ?? nowhere(),
    async list({ tenant, after }) {
      const query = new URLSearchParams();
      if (tenant !== undefined) query.set('tenant', tenant);
      if (after !== undefined) query.set('after', after);
      return (await ask(keyListSchema, 'GET', `/v1/keys?${query.toString()}`)) ?? nowhere();
    },
    rotate: (id, overlapSeconds) =>
      ask(keyWithSecretSchema, 'POST', `/v1/keys/${encodeURIComponent(id)}/rotate`, { overlapSeconds }),
    revoke: async (id) => (await ask(keyRevokedSchema, 'DELETE', `/v1/keys/${encodeURIComponent(id)}`))?.key,
  };
}

/** The sentence of the answer, wherever it stands in it. */
function messageOf(value: unknown, status: number): string {
  const { error, message } = (value ?? {}) as { error?: { message?: unknown } | string; message?: unknown };
  const text = (typeof error === 'object' ? error?.message : error) ?? message;
  return typeof text === 'string' ? text : `The gateway refused with ${status}.`;
}
