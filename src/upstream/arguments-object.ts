import { isObject } from './json-fields.ts';

/** Arguments for wires that take an object; any other JSON is put into one, and what is no JSON as text. */
export function argumentsObject(text: string): Record<string, unknown> {
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // Was checked to parse when it came; what is kept in a store may have been cut since.
  }
  return isObject(value) ? value : { input: value };
}
