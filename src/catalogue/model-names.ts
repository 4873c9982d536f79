/** A name as it may be asked for, from the most to the least exact reading of it. */
export interface NameReading {
  name: string;
  /** A fine-tune: like its base, at another price. */
  isFineTuned: boolean;
}

/** `ft:gpt-4o-mini-2024-07-18:acme::8x2k`, also under the prefix of a router. */
const fineTune = /^(?:.*\/)?ft:([^:]+)(?::.*)?$/;
/**
 * What names end in when they mean one release: a day (2024-08-06, 20240620, @20240620), a month of Mistral's (2411), a number of Google's (001),
 * Bedrock's version, a variant of OpenRouter's, or the latest of all.
 */
const releases = /(?:[-@]\d{4}-\d{2}-\d{2}|[-@]\d{8}|-\d{3,4}|-\d{2}-\d{2}|-latest|-v\d+(?::\d+)?|:[a-z]+)$/;

/** How a model's name may be looked up: as it is, without the prefixes before a slash, without what names a release. */
export function readingsOf(asked: string): NameReading[] {
  const base = fineTune.exec(asked)?.[1];
  const isFineTuned = base !== undefined;
  const readings = new Set<string>();
  for (let prefixed: string | undefined = base ?? asked; prefixed !== undefined; prefixed = withoutPrefix(prefixed)) {
    for (let name = prefixed; name !== ''; name = name.replace(releases, '')) {
      readings.add(name);
      if (!releases.test(name)) break;
    }
  }
  return [...readings].map((name) => ({ name, isFineTuned }));
}

function withoutPrefix(name: string): string | undefined {
  const slash = name.indexOf('/');
  return slash === -1 ? undefined : name.slice(slash + 1);
}
