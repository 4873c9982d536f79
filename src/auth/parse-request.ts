import type { z } from 'zod';
import { ProtocolError } from '../../protocol/protocol-error.ts';

/** Checks the body of a request. Throws `invalid_frame` with one sentence. */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') throw invalid(`“${issue.keys[0]}” is not a field.`);
  const name = (issue?.path ?? []).map(String).join('.');
  const message = issue?.message ?? 'is wrong';
  throw invalid(`${name === '' ? 'The body' : `“${name}”`}: ${message.charAt(0).toLowerCase()}${message.slice(1)}.`);
}

function invalid(message: string): ProtocolError {
  return new ProtocolError('invalid_frame', message);
}
