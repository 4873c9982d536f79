import type { DetectLanguage } from './match.ts';

/** Text beyond this says nothing more about its language, UTF-16 units. */
const longestSample = 1_000;

/** Loads the detector: about a second and 90 MB, so only where a rule asks for it. */
export async function loadLanguageDetector(): Promise<DetectLanguage> {
  const { eld } = await import('eld/extrasmall');
  return (text) => {
    const found = eld.detect(text.slice(0, longestSample));
    return found.isReliable() && found.language !== '' ? found.language : undefined;
  };
}
