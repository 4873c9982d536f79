import * as z from 'zod/mini';
import { downSchema } from '../../protocol/down.ts';
import { upSchema } from '../../protocol/up.ts';

export interface FrameSchema {
  direction: 'up' | 'down';
  type: string;
  schema: z.ZodMiniType;
}

/** Every frame of the wire with its schema, both directions, in the order of the unions. */
export const frameSchemas: FrameSchema[] = [...list('up', upSchema), ...list('down', downSchema)];

/** JSON schema (draft 7) of a frame, without the outer `$schema`. */
export function jsonSchemaOf(schema: z.ZodMiniType): Record<string, unknown> {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  });
  return rest;
}

function list(direction: 'up' | 'down', union: typeof upSchema | typeof downSchema): FrameSchema[] {
  return (union.def.options as unknown as z.ZodMiniType[]).map((schema) => {
    const shape = (schema as unknown as { shape: { t: { def: { values: string[] } } } }).shape;
    return { direction, type: shape.t.def.values[0]!, schema };
  });
}
