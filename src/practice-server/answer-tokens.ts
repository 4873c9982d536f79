import { hashText, scramble } from '../lib/hash-text.ts';

/** Common words, each one token of o200k_base with and without a blank before it. A power of two, so that no word is likelier. */
const words =
  'the of and to in is that for it was with be by on not but at are this have from or had an they which one you all her she there would their we him has when who will no more if out so up said what its about into them can only other new some could these may then do first any like my now over such our even most me after also made well must before where too those time year people way day man thing woman life child world school state family student group country problem hand part place case week company system program question work number'.split(
    ' ',
  );

/** What makes text hard: several bytes a character, characters of two UTF-16 units, other scripts. One token each. */
const specials = [
  ' café',
  ' größer',
  ' 東京',
  ' 中国',
  ' привет',
  ' €',
  ' 🙂',
  ' 한국',
  ' हिन्दी',
  ' العالم',
  ' 👍',
  ' Việt',
];

/** A sentence has so many tokens, its full stop included. */
const sentenceTokens = 12;

const texts = [...words.map((word) => ` ${word}`), ...specials, '.', 'The'];
const fullStop = texts.length - 2;
const beginning = texts.length - 1;

/** The texts of tokens by number, for prebuilt chunks. */
export const tokenTexts: readonly string[] = texts;

/** Which token the answer to a request has at an index: a number into `tokenTexts`. */
export type AnswerTokens = (index: number) => number;

/**
 * The answer to a request, wholly determined by seed and request id, so that any prefix of it can be judged. Each element
 * is exactly one token of o200k_base, also joined with its neighbours.
 */
export function answerTokens(seed: number, requestId: string): AnswerTokens {
  const start = hashText(`${seed}|${requestId}`);
  return (index) => {
    if (index === 0) return beginning;
    const place = index % sentenceTokens;
    if (place === sentenceTokens - 1) return fullStop;
    const random = scramble(start + Math.imul(index, 0x9e3779b9));
    // never before a full stop, with which a sign would be one token
    if (random % 24 === 0 && place !== sentenceTokens - 2) return words.length + ((random >>> 8) % specials.length);
    return (random >>> 8) % words.length;
  };
}

/** The first `count` tokens of an answer, joined. */
export function answerText(seed: number, requestId: string, count: number): string {
  const tokens = answerTokens(seed, requestId);
  let text = '';
  for (let index = 0; index < count; index++) text += tokenTexts[tokens(index)]!;
  return text;
}
