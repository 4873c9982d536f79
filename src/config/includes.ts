import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isLikeAny } from '../lib/glob.ts';
import { ConfigError } from './config-error.ts';
import { type ConfigFile, parseConfigFile } from './parse-file.ts';

/** What an included file may hold: maps whose names are joined, and lists that follow each other. */
const joinedMaps = ['models', 'templates', 'flags'] as const;
const joinedLists = ['upstreams', 'routes', 'degradation'] as const;
const mostFiles = 100;

/** A configuration out of several files. */
export interface IncludedFiles extends ConfigFile {
  /** All that were read, the first one first. */
  files: string[];
}

/** Where something of the whole is: the file it came from, and its path in there. */
interface Origin {
  file: ConfigFile;
  path: PropertyKey[];
}

/**
 * Reads a file and those that it includes. What an included file lists comes before what the including one does, in the
 * order of `include`; a name that two files give is refused. Throws `ConfigError` with file, line and column.
 */
export function readWithIncludes(path: string, environment: NodeJS.ProcessEnv): IncludedFiles {
  const files: string[] = [];
  const origins = new Map<string, Origin>();
  const values: Record<string, unknown> = {};
  let main: ConfigFile | undefined;

  function read(name: string, from: string | undefined): void {
    if (files.includes(resolve(name))) {
      throw new ConfigError([`${from ?? name}: the file ${name} is included more than once.`]);
    }
    if (files.length >= mostFiles)
      throw new ConfigError([`${from ?? name}: more than ${mostFiles} files are included.`]);
    files.push(resolve(name));
    let text: string;
    try {
      text = readFileSync(name, 'utf8');
    } catch {
      const hint = from === undefined ? '; check the path given with --config' : '';
      throw new ConfigError([
        `${from === undefined ? '' : `${from}: `}The configuration file ${name} cannot be read${hint}.`,
      ]);
    }
    const file = parseConfigFile(text, name, environment);
    const isMain = main === undefined;
    main ??= file;
    const { include, ...rest } = file.values;
    for (const pattern of includesOf(include, file)) {
      const at = file.placeOf(['include']);
      for (const other of expand(join(dirname(name), pattern), at)) read(other, at);
    }
    for (const [key, value] of Object.entries(rest)) take(file, key, value, isMain);
  }

  function take(file: ConfigFile, key: string, value: unknown, isMain: boolean): void {
    if ((joinedMaps as readonly string[]).includes(key) && isRecord(value)) {
      const joined = (values[key] ??= {}) as Record<string, unknown>;
      for (const [name, item] of Object.entries(value)) {
        if (Object.hasOwn(joined, name))
          throw new ConfigError([`${file.placeOf([key, name])}: “${key}.${name}” is given in another file, too.`]);
        joined[name] = item;
        origins.set(`${key}\0${name}`, { file, path: [key, name] });
      }
    } else if ((joinedLists as readonly string[]).includes(key) && Array.isArray(value)) {
      const joined = (values[key] ??= []) as unknown[];
      for (const [i, item] of value.entries()) {
        origins.set(`${key}\0${joined.length}`, { file, path: [key, i] });
        joined.push(item);
      }
    } else if (isMain) {
      values[key] = value;
    } else {
      const allowed = [...joinedMaps, ...joinedLists].join(', ');
      throw new ConfigError([`${file.placeOf([key])}: “${key}” cannot stand in an included file, only ${allowed}.`]);
    }
  }

  read(path, undefined);
  return {
    values,
    files,
    placeOf(at) {
      const [key, item, ...rest] = at;
      const origin = origins.get(`${String(key)}\0${String(item)}`);
      return origin === undefined ? main!.placeOf(at) : origin.file.placeOf([...origin.path, ...rest]);
    },
  };
}

function includesOf(include: unknown, file: ConfigFile): string[] {
  if (include === undefined) return [];
  const list = typeof include === 'string' ? [include] : include;
  if (!Array.isArray(list) || !list.every((item): item is string => typeof item === 'string' && item !== ''))
    throw new ConfigError([`${file.placeOf(['include'])}: “include” must be a list of files.`]);
  return list;
}

/** A `*` in the name of the file stands for anything; matches come in the order of their names. */
function expand(pattern: string, at: string): string[] {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const isLike = isLikeAny(name);
  try {
    return readdirSync(dirname(pattern))
      .filter((entry) => isLike(entry))
      .toSorted()
      .map((entry) => join(dirname(pattern), entry));
  } catch {
    throw new ConfigError([`${at}: the directory ${dirname(pattern)} cannot be read.`]);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
