import type { z } from 'zod';
import { Problem, type Violation } from './problem.ts';

const maxViolations = 16;

/** The value as the schema reads it. Throws `Problem` `invalid_frame` that names the fields. */
export function checkValue<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: Violation['in'],
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const violations = result.error.issues.slice(0, maxViolations).map((issue) => ({
    in: place,
    field: issue.path.map(String).join('.').slice(0, 128),
    message: issue.message.slice(0, 256),
  }));
  const [{ field, message }] = violations as [Violation, ...Violation[]];
  const where = field === '' ? place : `${place}: “${field}”`;
  throw new Problem('invalid_frame', `The request cannot be used: ${where}: ${message}.`, { violations });
}
