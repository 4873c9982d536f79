import { z } from 'zod';
import { isLikeAny } from '../../lib/glob.ts';
import { defineRoute, type Route } from '../contract.ts';
import type { HttpServices } from '../services.ts';

const modelSchema = z.strictObject({
  model: z.string(),
  /** Absent for a group of models. */
  upstream: z.string().optional(),
  /** Answers a turn that asks for nothing in particular. */
  isDefault: z.boolean(),
  /** The upstream takes other names as well. */
  isOpen: z.boolean(),
});

export function modelRoute({ models }: HttpServices): Route {
  return defineRoute({
    name: 'listModels',
    method: 'GET',
    path: '/v1/models',
    summary: 'Models that turns of this identity may ask for by name',
    access: 'chat',
    params: z.strictObject({}),
    query: z.strictObject({}),
    answer: { status: 200, description: 'The models', data: z.array(modelSchema) },
    answerTo(_request, identity) {
      const isAllowed = isLikeAny(identity.models ?? '*');
      return { status: 200, data: models().filter(({ model }) => isAllowed(model)) };
    },
  });
}
