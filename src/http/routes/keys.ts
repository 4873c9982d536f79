import { z } from 'zod';
import {
  createKeySchema,
  keyRevokedSchema,
  keySchema,
  keyWithSecretSchema,
  listKeysSchema,
  rotateKeySchema,
} from '../../auth/key-schemas.ts';
import { defineRoute, type Route } from '../contract.ts';
import { Problem } from '../problem.ts';
import type { HttpServices } from '../services.ts';

const keyParams = z.strictObject({ id: z.string() });

/** Makes, lists, rotates and revokes API keys; the service notes it in the audit log. */
export function keyRoutes({ keys }: HttpServices): Route[] {
  return [
    defineRoute({
      name: 'createKey',
      method: 'POST',
      path: '/v1/keys',
      summary: 'Makes an API key; its secret is shown this once',
      access: 'admin',
      params: z.strictObject({}),
      query: z.strictObject({}),
      body: createKeySchema,
      answer: { status: 201, description: 'The key and its secret', data: keyWithSecretSchema },
      async answerTo(request, identity) {
        return { status: 201, data: await keys.create(identity, request.body) };
      },
    }),
    defineRoute({
      name: 'listKeys',
      method: 'GET',
      path: '/v1/keys',
      summary: 'API keys without their secrets, by id',
      access: 'admin',
      params: z.strictObject({}),
      query: listKeysSchema.omit({ after: true }).extend({ cursor: z.string().min(1).max(64).optional() }),
      answer: { status: 200, description: 'A page of keys', data: z.array(keySchema), isPage: true },
      async answerTo({ query: { cursor, ...query } }, identity) {
        const { keys: data, next } = await keys.list(identity, { ...query, after: cursor });
        return { status: 200, data, next };
      },
    }),
    defineRoute({
      name: 'rotateKey',
      method: 'POST',
      path: '/v1/keys/{id}/rotate',
      summary: 'Gives a key a new secret; those before it are good for a while',
      access: 'admin',
      params: keyParams,
      query: z.strictObject({}),
      body: rotateKeySchema,
      answer: { status: 200, description: 'The key and its new secret', data: keyWithSecretSchema },
      problems: [404],
      async answerTo(request, identity) {
        const rotated = await keys.rotate(identity, request.params.id, request.body);
        if (rotated === undefined) throw noKey();
        return { status: 200, data: rotated };
      },
    }),
    defineRoute({
      name: 'revokeKey',
      method: 'DELETE',
      path: '/v1/keys/{id}',
      summary: 'Revokes a key at once and for good, and closes the sockets it opened',
      access: 'admin',
      params: keyParams,
      query: z.strictObject({}),
      answer: { status: 200, description: 'The key as it is now', data: keyRevokedSchema },
      problems: [404],
      async answerTo(request, identity) {
        const key = await keys.revoke(identity, request.params.id);
        if (key === undefined) throw noKey();
        return { status: 200, data: { key } };
      },
    }),
  ];
}

function noKey(): Problem {
  return new Problem('not_found', 'There is no such key.');
}
