import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { configSchema } from './schema.ts';

/** A configuration file as plain data, and the place of each of its keys. */
export interface ConfigFile {
  values: Record<string, unknown>;
  /** `file:line:column` of a key, or of the nearest one above it that the file has. */
  placeOf(path: readonly PropertyKey[]): string;
}

/**
 * Reads YAML. `${NAME}` in a string stands for an environment variable, so that keys need not be in the file. Throws
 * `ConfigError` with line and column.
 */
export function parseConfigFile(text: string, fileName: string, environment: NodeJS.ProcessEnv): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0]}`));
  }
  const placeOf = (path: readonly PropertyKey[]): string => at(offsetOf(document, path));
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw new ConfigError([`${at(0)}: the file refers to itself, or to too much by aliases.`]);
  }
  if (raw === null || raw === undefined) return { values: {}, placeOf };
  if (typeof raw !== 'object' || Array.isArray(raw))
    throw new ConfigError([`${at(0)}: the file must be a map of settings.`]);
  const values = substitute(raw, environment, (name, path) => {
    throw new ConfigError([`${placeOf(path)}: the environment variable ${name} is not set.`]);
  });
  return { values: values as Record<string, unknown>, placeOf };
}

/** Checks a file by itself, with places in the messages. */
export function checkConfigFile(file: ConfigFile): void {
  const result = configSchema.safeParse(file.values);
  if (!result.success) throw new ConfigError(describeIssues(result.error.issues, (path) => `${file.placeOf(path)}: `));
}

/** One sentence per problem. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  prefix: (path: readonly PropertyKey[]) => string,
): string[] {
  return issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const path = [...issue.path, issue.keys[0]!];
      return `${prefix(path)}“${path.map(String).join('.')}” is not a setting.`;
    }
    const name = issue.path.map(String).join('.');
    return `${prefix(issue.path)}“${name}”: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}.`;
  });
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      if (item === undefined) break;
      if (typeof item === 'object' && item !== null && 'range' in item && Array.isArray(item.range))
        offset = item.range[0] as number;
      node = item;
    } else {
      break;
    }
  }
  return offset;
}

function substitute(
  value: unknown,
  environment: NodeJS.ProcessEnv,
  missing: (name: string, path: PropertyKey[]) => never,
  path: PropertyKey[] = [],
): unknown {
  if (typeof value === 'string') {
    return value.replace(
      /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g,
      (_match, name: string) => environment[name] ?? missing(name, path),
    );
  }
  if (path.length > 32) throw new ConfigError(['The configuration file refers to itself.']);
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, environment, missing, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substitute(item, environment, missing, [...path, key])]),
  );
}
