import { existsSync } from 'node:fs';
import { ConfigError } from './config-error.ts';
import { type IncludedFiles, readWithIncludes } from './includes.ts';
import { checkConfigFile, describeIssues } from './parse-file.ts';
import { type Config, type ConfigInput, configSchema } from './schema.ts';

/** Read when it exists and no other file is named. */
export const defaultConfigFile = 'parley.yaml';

/** Settings by environment variable; a flag of the same setting wins, a file's value gives way. */
export const environmentSettings = {
  HOST: 'host',
  PORT: 'port',
  PARLEY_STORE: 'store',
  PARLEY_DATA: 'data',
  PARLEY_DURABILITY: 'durability',
  PARLEY_TRANSPORT: 'transport',
  PARLEY_SHARE_PORT: 'sharePort',
  PARLEY_ORIGINS: 'origins',
  PARLEY_AUTH_ANONYMOUS: 'auth.anonymous',
  PARLEY_AUTH_SECRET: 'auth.secret',
  PARLEY_LOG_LEVEL: 'log.level',
  PARLEY_LOG_FORMAT: 'log.format',
  PARLEY_SUMMARY_MODEL: 'summary.model',
  PARLEY_DRAIN_MS: 'drainMs',
  PARLEY_TLS_CERTIFICATE: 'tls.certificateFile',
  PARLEY_TLS_KEY: 'tls.keyFile',
} as const;

const numeric = new Set<string>(['port', 'drainMs']);

export interface LoadConfigOptions {
  /** Settings from flags, by dotted name; undefined ones are absent. */
  flags?: Record<string, unknown>;
  /** Path of a YAML file; must exist when given. */
  file?: string | undefined;
  environment?: NodeJS.ProcessEnv;
  /** A further check; what it throws as `ConfigError` is given its place in the file. */
  check?: ((config: Config) => void) | undefined;
}

/** A configuration and the files it came from. */
export interface LoadedConfig {
  config: Config;
  files: readonly string[];
}

/** Flags over environment over file over defaults, checked and frozen. Throws `ConfigError`. */
export function loadConfig(options: LoadConfigOptions = {}): Config {
  return loadConfigFiles(options).config;
}

/** As `loadConfig`, with the files that were read. */
export function loadConfigFiles(options: LoadConfigOptions = {}): LoadedConfig {
  const environment = options.environment ?? process.env;
  const path =
    options.file ?? environment.PARLEY_CONFIG ?? (existsSync(defaultConfigFile) ? defaultConfigFile : undefined);
  const file = path === undefined ? undefined : readWithIncludes(path, environment);
  if (file !== undefined) checkConfigFile(file);
  const values = file?.values ?? {};
  const names = new Map<string, string>();
  for (const [variable, setting] of Object.entries(environmentSettings)) {
    const text = environment[variable];
    if (text === undefined || text === '') continue;
    set(values, setting, valueOf(setting, text));
    names.set(setting, variable);
  }
  for (const [setting, value] of Object.entries(options.flags ?? {})) {
    if (value === undefined) continue;
    set(values, setting, typeof value === 'string' ? valueOf(setting, value) : value);
    names.set(
      setting,
      `--${setting.replace(/^log\./, 'log-').replace(/([A-Z])/g, (letter) => `-${letter.toLowerCase()}`)}`,
    );
  }
  const config = parseConfig(withProvider(values as ConfigInput, environment), (setting) => {
    const source = names.get(setting);
    return source === undefined ? '' : `${source}: `;
  });
  try {
    options.check?.(config);
  } catch (error) {
    throw file !== undefined && error instanceof ConfigError ? withPlaces(error, file) : error;
  }
  return { config, files: file?.files ?? [] };
}

function withPlaces({ problems, paths }: ConfigError, file: IncludedFiles): ConfigError {
  return new ConfigError(
    problems.map((problem, i) => (paths[i] === undefined ? problem : `${file.placeOf(paths[i])}: ${problem}`)),
  );
}

/** Checks settings given as an object. Throws `ConfigError`. */
export function parseConfig(input: ConfigInput, sourceOf: (setting: string) => string = () => ''): Config {
  const result = configSchema.safeParse(input);
  if (!result.success) {
    throw new ConfigError(
      describeIssues(result.error.issues, (issuePath) => sourceOf(issuePath.map(String).join('.'))),
    );
  }
  const names = result.data.upstreams.map((upstream) => upstream.name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new ConfigError([`“upstreams”: the name “${repeated}” stands there twice.`]);
  return deepFreeze(result.data);
}

/** With an OpenAI key in the environment and no upstream configured, that provider is. */
function withProvider(values: ConfigInput, environment: NodeJS.ProcessEnv): ConfigInput {
  const { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseUrl, OPENAI_MODEL: model } = environment;
  if ((values.upstreams?.length ?? 0) > 0 || (!apiKey && !baseUrl)) return values;
  return {
    ...values,
    upstreams: [
      {
        name: 'openai',
        wire: 'openai-chat',
        baseUrl: baseUrl || 'https://api.openai.com/v1',
        // who names it in the environment of the process runs it nearby more often than not
        ...(baseUrl ? { allowPrivateNetwork: true } : {}),
        ...(apiKey ? { apiKey } : {}),
        defaultModel: model || 'gpt-4.1-mini',
      },
    ],
  };
}

function valueOf(setting: string, text: string): unknown {
  if (setting === 'origins') return text.split(',').map((origin) => origin.trim());
  if (setting === 'sharePort') return text === '1' || text === 'true';
  if (setting === 'auth.anonymous') return text === 'true' || (text === 'false' ? false : text);
  return numeric.has(setting) && /^-?\d+$/.test(text) ? Number(text) : text;
}

function set(values: Record<string, unknown>, setting: string, value: unknown): void {
  const [first = '', second] = setting.split('.');
  if (second === undefined) values[first] = value;
  else values[first] = { ...(values[first] as object | undefined), [second]: value };
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
