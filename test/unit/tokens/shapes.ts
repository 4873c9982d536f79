import { seededRandom } from './reference.ts';

/** Texts without any place where a piece is sure to end, on which tiktoken's own merging is quadratic. */
export function unbrokenShapes(units: number): Record<string, string> {
  const random = seededRandom(7);
  const pick = (alphabet: string): string => {
    const characters = [...alphabet];
    let text = '';
    while (text.length < units) text += characters[Math.floor(random() * characters.length)];
    return text.slice(0, units);
  };
  const repeat = (unit: string): string => unit.repeat(Math.ceil(units / unit.length)).slice(0, units);
  const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return {
    'one letter': repeat('a'),
    'one capital': repeat('A'),
    spaces: repeat(' '),
    newlines: repeat('\n'),
    'mixed blanks': pick(' \t\u00a0\u3000'),
    'blanks and newlines': pick('   \t\r\n'),
    'emoji joined': repeat('👨‍👩‍👧‍👦'),
    flags: repeat('🇩🇪🇫🇷'),
    chinese: pick(
      '的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里',
    ),
    'chinese and capitals': pick('的一是不ABCDE'),
    'random letters': pick('abcdefghijklmnopqrstuvwxyz'),
    'random capitals': pick('ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
    'two letters': pick('ab'),
    digits: pick('0123456789'),
    base64: pick(base64),
    dashes: repeat('-'),
    'equals and stars': pick('=*'),
    slashes: repeat('/\n'),
    apostrophes: repeat("'"),
    marks: repeat('\u0301'),
    thai: pick('กขคงจชซดตนบปพมยรลวสหอะาิีึืุู่้'),
  };
}
