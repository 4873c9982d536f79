export type PathMatch =
  | { outcome: 'matched'; params: Record<string, string> }
  /** A parameter is no text: broken percent-encoding. */
  | { outcome: 'malformed'; param: string }
  | { outcome: 'other' };

/** A matcher for a path such as `/v1/sessions/{id}`; a parameter is one whole segment, decoded. */
export function compilePath(template: string): (path: string) => PathMatch {
  const parts = template.split('/').map((part) => (/^\{\w+\}$/.test(part) ? { param: part.slice(1, -1) } : part));
  return (path) => {
    const segments = path.split('/');
    if (segments.length !== parts.length) return { outcome: 'other' };
    const params: Record<string, string> = {};
    let malformed: string | undefined;
    for (const [i, part] of parts.entries()) {
      const segment = segments[i]!;
      if (typeof part === 'string') {
        if (part !== segment) return { outcome: 'other' };
        continue;
      }
      if (segment === '') return { outcome: 'other' };
      const value = decodeText(segment);
      if (value === undefined) malformed ??= part.param;
      else params[part.param] = value;
    }
    return malformed === undefined ? { outcome: 'matched', params } : { outcome: 'malformed', param: malformed };
  };
}

/** Undefined for percent-encoding that is no UTF-8. */
export function decodeText(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
