import { isLikeAny } from '../lib/glob.ts';

const placeholder = '{subject}';
/** What session ids are made of; a subject with anything else could be mistaken for a pattern or another subject. */
const plainSubject = /^[A-Za-z0-9_-]+$/;

/** Patterns of sessions with the subject put in. One that needs a subject that cannot stand in a session id is of none. */
export function patternsFor(subject: string, patterns: readonly string[] | undefined): string[] | undefined {
  return patterns?.flatMap((pattern) => {
    if (!pattern.includes(placeholder)) return [pattern];
    return plainSubject.test(subject) ? [pattern.replaceAll(placeholder, subject)] : [];
  });
}

/**
 * Whether everything that is like one of `asked` is also like one of `held`. Sound, not complete: what two patterns hold
 * only together is refused.
 */
export function isCovered(asked: readonly string[] | undefined, held: readonly string[] | undefined): boolean {
  if (held === undefined) return true;
  // a star of the asked pattern is a character here, which only a star of the held one can be like
  return asked !== undefined && asked.every(isLikeAny(held));
}
