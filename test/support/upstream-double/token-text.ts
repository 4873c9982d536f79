/** Some of what makes streaming hard: several bytes per character, characters of two UTF-16 units, line breaks. */
const specials = [' naïve', ' 東京', ' 🙂', ' 👩‍👩‍👧', '\n', ' "quoted"', ' back\\slash', ' €', ' ไทย', '\n\n- '];

/** Token `index` of turn `turn`: fully determined by its three arguments, so that any prefix of an answer can be judged. */
export function tokenText(seed: number, turn: string, index: number): string {
  const random = scramble(`${seed}|${turn}|${index}`);
  if (random % 16 === 0) return specials[(random >>> 8) % specials.length] ?? '';
  let word = index === 0 ? '' : ' ';
  const length = 1 + ((random >>> 4) % 9);
  for (let at = 0; at < length; at += 1) {
    word += String.fromCharCode(97 + (scramble(`${random}|${at}`) % 26));
  }
  return word;
}

/** The first `count` tokens, joined. */
export function answerText(seed: number, turn: string, count: number): string {
  let text = '';
  for (let index = 0; index < count; index += 1) text += tokenText(seed, turn, index);
  return text;
}

/** FNV-1a and a finalizer, so that near inputs give far outputs. */
function scramble(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
