import { Problem } from './problem.ts';

/** Where a list goes on: how many were passed, and the last of them, by which a list that moved meanwhile is found again. */
export interface ListCursor {
  passed: number;
  last: string[];
}

const maxCursor = 4_096;

export function encodeCursor(cursor: ListCursor): string {
  return Buffer.from(JSON.stringify([cursor.passed, ...cursor.last])).toString('base64url');
}

/** Throws `Problem` `invalid_frame` for a text that no page gave. */
export function decodeCursor(text: string): ListCursor {
  try {
    const [passed, ...last] = JSON.parse(
      Buffer.from(text.slice(0, maxCursor), 'base64url').toString('utf8'),
    ) as unknown[];
    if (Number.isSafeInteger(passed) && (passed as number) >= 0 && last.every((id) => typeof id === 'string'))
      return { passed: passed as number, last };
  } catch {
    // told below
  }
  throw wrongCursor();
}

export function wrongCursor(): Problem {
  const message = 'it is not the “next” of a page';
  return new Problem('invalid_frame', `The cursor cannot be used: ${message}.`, {
    violations: [{ in: 'query', field: 'cursor', message }],
  });
}
