import { decodeText } from './path-template.ts';
import { Problem } from './problem.ts';

/** More would be no question but an attack on whoever reads them. */
const maxParameters = 64;

/**
 * Parameters of a query by name; `+` is a space. A parameter stands there once: whoever takes the first of two and whoever
 * takes the last would not agree. Throws `Problem` `invalid_frame`.
 */
export function parseQuery(query: string): Record<string, string> {
  const values = new Map<string, string>();
  const pairs = query.split('&').filter((pair) => pair !== '');
  if (pairs.length > maxParameters) throw wrong('', `there are more than ${maxParameters} parameters`);
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const [name, value] = [at === -1 ? pair : pair.slice(0, at), at === -1 ? '' : pair.slice(at + 1)].map((part) =>
      decodeText(part.replaceAll('+', ' ')),
    );
    if (name === undefined || value === undefined) throw wrong(name ?? '', 'the percent-encoding is broken');
    if (values.has(name)) throw wrong(name, 'it stands there twice');
    values.set(name, value);
  }
  return Object.fromEntries(values);
}

function wrong(name: string, message: string): Problem {
  const field = name.slice(0, 64);
  return new Problem('invalid_frame', `The query cannot be used: ${field === '' ? '' : `“${field}”: `}${message}.`, {
    violations: [{ in: 'query', field, message }],
  });
}
