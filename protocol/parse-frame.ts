import type { DownFrame } from './down.ts';
import { downSchema } from './down.ts';
import { ProtocolError } from './protocol-error.ts';
import type { UpFrame } from './up.ts';
import { upSchema } from './up.ts';

/** A validated client frame; throws `unknown_frame` or `invalid_frame` naming the field. */
export function parseUpFrame(value: unknown): UpFrame {
  return parse(upSchema, value) as UpFrame;
}

/** A validated server frame; `undefined` for a type this version does not know, which a client ignores. */
export function parseDownFrame(value: unknown): DownFrame | undefined {
  try {
    return parse(downSchema, value) as DownFrame;
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'unknown_frame') return undefined;
    throw error;
  }
}

interface Issue {
  code: string;
  path: PropertyKey[];
  expected?: string;
  note?: string;
  discriminator?: string;
  maximum?: number | bigint;
  minimum?: number | bigint;
}

interface Schema {
  safeParse(value: unknown): { success: true; data: unknown } | { success: false; error: { issues: unknown[] } };
}

function parse(schema: Schema, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const type = frameType(value);
  if (type === undefined) {
    throw new ProtocolError('invalid_frame', 'A frame is a map with a string under “t”.');
  }
  const issue = result.error.issues[0] as Issue;
  if (issue.code === 'invalid_union' && issue.path.length === 1 && issue.path[0] === 't') {
    throw new ProtocolError('unknown_frame', `Frame type “${printable(type)}” is not known here.`);
  }
  throw new ProtocolError('invalid_frame', `${printable(type)}: ${describe(issue)}.`);
}

function describe(issue: Issue): string {
  const field = issue.path.length === 0 ? 'the frame' : `“${issue.path.map(String).join('.')}”`;
  if (issue.code === 'too_big') return `${field} is too large (at most ${issue.maximum})`;
  if (issue.code === 'too_small') return `${field} is too small (at least ${issue.minimum})`;
  if (issue.code === 'invalid_type') return `${field} is missing or not of type ${issue.expected}`;
  return `${field} is not valid`;
}

/** The `t` of a would-be frame, for error answers. */
export function frameType(value: unknown): string | undefined {
  const type = typeof value === 'object' && value !== null ? (value as { t?: unknown }).t : undefined;
  return typeof type === 'string' ? type : undefined;
}

function printable(type: string): string {
  return type.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}
