import { readFileSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../config/config-error.ts';
import { describeIssues, parseConfigFile } from '../config/parse-file.ts';
import { builtInScenarios } from './built-in-scenarios.ts';
import { type Scenario, scenarioSchema } from './scenario.ts';

export interface NamedScenario {
  name: string;
  scenario: Scenario;
}

/** What flags say instead of the scenario. */
export type ScenarioOverrides = Readonly<Record<string, unknown>>;

/** A built-in scenario by its name, or one from a YAML file or a JavaScript module. Throws `ConfigError`. */
export async function readScenario(nameOrFile: string, overrides: ScenarioOverrides = {}): Promise<NamedScenario> {
  const builtIn = builtInScenarios[nameOrFile];
  if (builtIn !== undefined) return { name: nameOrFile, scenario: check(builtIn, overrides, () => '') };
  const name = basename(nameOrFile, extname(nameOrFile));
  if (/\.[mc]?[jt]s$/.test(nameOrFile))
    return { name, scenario: check(await load(nameOrFile), overrides, () => `${nameOrFile}: `) };
  if (!/\.ya?ml$/.test(nameOrFile))
    throw new ConfigError([
      `There is no scenario “${nameOrFile}”; choose from ${Object.keys(builtInScenarios).join(', ')}, or give a .yaml or .js file.`,
    ]);
  let text: string;
  try {
    text = readFileSync(nameOrFile, 'utf8');
  } catch {
    throw new ConfigError([`The scenario ${nameOrFile} cannot be read.`]);
  }
  return { name, scenario: parseScenario(text, nameOrFile, overrides) };
}

/** Throws `ConfigError` with line and column. */
export function parseScenario(text: string, fileName: string, overrides: ScenarioOverrides = {}): Scenario {
  const { values, placeOf } = parseConfigFile(text, fileName, process.env);
  return check(values, overrides, (path) => `${placeOf(path)}: `);
}

/** How load is given: a flag for one of these takes the place of the others. */
const loadKeys = ['users', 'sessionsPerSecond', 'turnsPerSecond', 'sessions'];

function check(
  values: object,
  overrides: ScenarioOverrides,
  place: (path: readonly PropertyKey[]) => string,
): Scenario {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const replacesLoad = loadKeys.some((key) => key in given);
  const kept = Object.entries(values).filter(([key]) => !(replacesLoad && loadKeys.includes(key)));
  const result = scenarioSchema.safeParse({ ...Object.fromEntries(kept), ...given });
  if (result.success) return result.data;
  // what holds for the whole has no path
  const whole = result.error.issues.filter((issue) => issue.path.length === 0 && issue.code === 'custom');
  const rest = result.error.issues.filter((issue) => !whole.includes(issue));
  throw new ConfigError([...describeIssues(rest, place), ...whole.map(({ message }) => `${place([])}${message}.`)]);
}

async function load(file: string): Promise<object> {
  let module: { scenario?: unknown; default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as typeof module;
  } catch (cause) {
    throw new ConfigError([`The scenario ${file} cannot be loaded: ${(cause as Error).message.split('\n')[0]}.`]);
  }
  const scenario = module.scenario ?? module.default;
  if (typeof scenario !== 'object' || scenario === null)
    throw new ConfigError([`The scenario ${file} must export an object as “scenario” or by default.`]);
  return scenario;
}
