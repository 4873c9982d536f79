import { Problem } from './problem.ts';

/** The offered type that `Accept` likes best; of equals the one offered first. Throws `Problem` `not_acceptable`. */
export function negotiate(accept: string | undefined, offered: readonly [string, ...string[]]): string {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = accept.split(',').slice(0, 32).map(rangeOf);
  let best: { type: string; quality: number } | undefined;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > 0 && quality > (best?.quality ?? 0)) best = { type, quality };
  }
  if (best === undefined) throw new Problem('not_acceptable', `The answer comes as ${offered.join(' or ')}.`);
  return best.type;
}

interface Range {
  type: string;
  quality: number;
}

function rangeOf(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const value = quality === undefined ? 1 : Number(quality.slice(2));
  return { type, quality: value >= 0 && value <= 1 ? value : 0 };
}

/** The narrowest range that holds the type decides (RFC 9110, section 12.5.1). */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const [family] = type.split('/');
  for (const wanted of [type, `${family}/*`, '*/*']) {
    const range = ranges.find((candidate) => candidate.type === wanted);
    if (range !== undefined) return range.quality;
  }
  return 0;
}
