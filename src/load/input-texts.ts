import { answerTokens, tokenTexts } from '../practice-server/answer-tokens.ts';
import type { Random } from './random.ts';

/** What users say: cut out of one long text, as making each would cost the generator more than sending it. */
export interface InputTexts {
  /** A text of so many tokens of o200k_base. */
  take(tokens: number, random: Random): string;
}

const longTokens = 20_000;

export function createInputTexts(seed: number): InputTexts {
  const tokenAt = answerTokens(seed, 'inputs');
  const offsets: number[] = [0];
  let text = '';
  for (let index = 0; index < longTokens; index++) {
    text += tokenTexts[tokenAt(index)]!;
    offsets.push(text.length);
  }
  return {
    take(tokens, random) {
      const count = Math.min(tokens, longTokens);
      const from = Math.floor(random() * (longTokens - count));
      return text.slice(offsets[from], offsets[from + count]);
    },
  };
}
