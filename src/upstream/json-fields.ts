/** Looking at JSON of which nothing is promised: every field may be missing or of another type. */
export type Fields = Readonly<Record<string, unknown>>;

const none: Fields = {};

/** The object itself, or one without fields. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : none;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A count of tokens; 0 for anything else. */
export function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? Math.trunc(value) : 0;
}
