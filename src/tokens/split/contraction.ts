/** How a character after an apostrophe takes the alternatives `'s 't 're 've 'm 'll 'd` of the patterns forward. */
export const ContractionStep = {
  none: 0,
  /** `'s 't 'm 'd`: complete */
  whole: 1,
  /** `'r 'v`: an "e" completes it */
  awaitsE: 2,
  /** `'l`: another "l" completes it */
  awaitsL: 3,
} as const;

export type ContractionStep = (typeof ContractionStep)[keyof typeof ContractionStep];

const LONG_S = 0x17f;

/** @param foldCase the pattern says `(?i)`; the engine then also takes the long s (U+017F) for an s */
export function contractionStep(codePoint: number, foldCase: boolean): ContractionStep {
  if (codePoint > 0x7a) return foldCase && codePoint === LONG_S ? ContractionStep.whole : ContractionStep.none;
  switch (foldCase ? codePoint | 0x20 : codePoint) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return ContractionStep.whole;
    case 0x72: // r
    case 0x76: // v
      return ContractionStep.awaitsE;
    case 0x6c: // l
      return ContractionStep.awaitsL;
    default:
      return ContractionStep.none;
  }
}

/** Whether the character completes a contraction whose first letter asked for an "e" or an "l". */
export function completesContraction(codePoint: number, awaited: ContractionStep, foldCase: boolean): boolean {
  const letter = awaited === ContractionStep.awaitsE ? 0x65 : 0x6c;
  return codePoint === letter || (foldCase && codePoint === letter - 0x20);
}
