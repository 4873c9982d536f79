import { CHAR_CLASS_RUNS } from './char-class-runs.generated.ts';

/**
 * The classes that the split patterns of the encodings tell apart, each code point in exactly one. They come from the
 * Unicode tables of tiktoken's regex engine, not from the JavaScript engine's, which differ from release to release.
 */
export const CharClass = {
  /** Punctuation, symbols, controls, unassigned: `[^\s\p{L}\p{N}\p{M}]`. */
  other: 0,
  /** `\p{Lu}` and `\p{Lt}` */
  upper: 1,
  /** `\p{Ll}` */
  lower: 2,
  /** `\p{Lm}` and `\p{Lo}`: letters without case */
  caseless: 3,
  /** `\p{M}` */
  mark: 4,
  /** `\p{N}` */
  number: 5,
  /** `\s` without the two below */
  space: 6,
  /** CR and LF */
  newline: 7,
} as const;

export type CharClass = (typeof CharClass)[keyof typeof CharClass];

/** One past the last code point. */
export const CODE_POINT_LIMIT = 0x110000;

let table: Uint8Array | undefined;

/** Class per code point, unpacked once per process (1.1 MB: a lookup per character must not cost a search). */
export function charClassTable(): Uint8Array {
  table ??= unpackRuns(CHAR_CLASS_RUNS);
  return table;
}

/** Packs classes as runs: the length in base 36, then the class as a capital letter, A for 0. */
export function packRuns(classes: Uint8Array): string {
  let packed = '';
  let start = 0;
  for (let at = 1; at <= classes.length; at += 1) {
    if (at < classes.length && classes[at] === classes[start]) continue;
    packed += (at - start).toString(36) + String.fromCharCode(0x41 + (classes[start] as number));
    start = at;
  }
  return packed;
}

function unpackRuns(packed: string): Uint8Array {
  const classes = new Uint8Array(CODE_POINT_LIMIT);
  let start = 0;
  for (const [, length, letter] of packed.matchAll(/([0-9a-z]+)([A-H])/g)) {
    const end = start + Number.parseInt(length as string, 36);
    classes.fill((letter as string).charCodeAt(0) - 0x41, start, end);
    start = end;
  }
  return classes;
}
