import type { Inline, Piece } from './inline.ts';
import { pairDelimiters } from './pair-delimiters.ts';

/** A paragraph longer than this, in UTF-16 units, is shown as it is: nobody writes one, and it would be read anew with every token. */
const longestParagraph = 20_000;

/** Reads emphasis, code spans, links, bare addresses and breaks; HTML is text. */
export function parseInline(text: string): Inline[] {
  if (text.length > longestParagraph) return [{ kind: 'text', text }];
  return new InlineReader(text).read();
}

class InlineReader {
  readonly #text: string;
  readonly #pieces: Piece[] = [];
  readonly #brackets: { piece: number; image: boolean }[] = [];
  /** Lengths of backtick runs that nothing closes any more. */
  readonly #unclosed = new Set<number>();
  #plain = '';
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Inline[] {
    while (this.#at < this.#text.length) {
      if (!this.#readSpecial()) this.#plain += this.#text[this.#at++]!;
    }
    this.#flush();
    return pairDelimiters(this.#pieces);
  }

  #readSpecial(): boolean {
    switch (this.#text[this.#at]) {
      case '\\':
        return this.#readEscape();
      case '`':
        return this.#readCode();
      case '*':
      case '_':
      case '~':
        return this.#readDelimiter();
      case '!':
      case '[':
        return this.#openBracket();
      case ']':
        return this.#closeBracket();
      case '<':
        return this.#readAngle();
      case 'h':
        return this.#readAddress();
      case '\n':
        return this.#readNewline();
      default:
        return false;
    }
  }

  #push(piece: Piece): void {
    this.#flush();
    this.#pieces.push(piece);
  }

  #flush(): void {
    if (this.#plain !== '') this.#pieces.push({ kind: 'text', text: this.#plain });
    this.#plain = '';
  }

  #readEscape(): boolean {
    const next = this.#text[this.#at + 1];
    if (next === undefined || !/[!-/:-@[-`{-~]/.test(next)) return false;
    this.#plain += next;
    this.#at += 2;
    return true;
  }

  #readNewline(): boolean {
    const hard = this.#plain.endsWith('  ') || this.#plain.endsWith('\\');
    this.#plain = this.#plain.replace(/(?: {1,8}|\\)$/, '');
    if (hard) this.#push({ kind: 'break' });
    else this.#plain += '\n';
    this.#at++;
    return true;
  }

  #readCode(): boolean {
    const length = runLength(this.#text, this.#at);
    const end = this.#unclosed.has(length) ? -1 : this.#findRun(this.#at + length, length);
    if (end === -1) {
      this.#unclosed.add(length);
      this.#plain += '`'.repeat(length);
      this.#at += length;
      return true;
    }
    const inner = this.#text.slice(this.#at + length, end).replaceAll('\n', ' ');
    const padded = inner.startsWith(' ') && inner.endsWith(' ') && inner.trim() !== '';
    this.#push({ kind: 'code', text: padded ? inner.slice(1, -1) : inner });
    this.#at = end + length;
    return true;
  }

  #findRun(from: number, length: number): number {
    for (let at = this.#text.indexOf('`', from); at !== -1; at = this.#text.indexOf('`', at)) {
      const found = runLength(this.#text, at);
      if (found === length) return at;
      at += found;
    }
    return -1;
  }

  #readDelimiter(): boolean {
    const mark = this.#text[this.#at]!;
    const count = runLength(this.#text, this.#at);
    const before = this.#text[this.#at - 1] ?? ' ';
    const after = this.#text[this.#at + count] ?? ' ';
    const leftFlanking = !isSpace(after) && (!isPunctuation(after) || isSpace(before) || isPunctuation(before));
    const rightFlanking = !isSpace(before) && (!isPunctuation(before) || isSpace(after) || isPunctuation(after));
    // underscores inside a word, as in snake_case, are text
    const marks = mark !== '~' || count === 2;
    const opens = marks && leftFlanking && (mark !== '_' || !rightFlanking || isPunctuation(before));
    const closes = marks && rightFlanking && (mark !== '_' || !leftFlanking || isPunctuation(after));
    if (opens || closes) this.#push({ kind: 'delimiter', mark, count, opens, closes });
    else this.#plain += mark.repeat(count);
    this.#at += count;
    return true;
  }

  #openBracket(): boolean {
    const image = this.#text[this.#at] === '!';
    if (image && this.#text[this.#at + 1] !== '[') return false;
    this.#flush();
    this.#brackets.push({ piece: this.#pieces.length, image });
    this.#pieces.push({ kind: 'text', text: image ? '![' : '[' });
    this.#at += image ? 2 : 1;
    return true;
  }

  #closeBracket(): boolean {
    const bracket = this.#brackets.pop();
    if (bracket === undefined) return false;
    const target =
      /^\(\s{0,8}(?:<([^<>\n]{0,2000})>|([^\s<>()]{0,2000}(?:\([^\s<>()]{0,2000}\)[^\s<>()]{0,2000}){0,4}))(?:\s{1,8}(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s{0,8}\)/.exec(
        this.#text.slice(this.#at + 1, this.#at + 5_000),
      );
    const href = target === null ? undefined : safeAddress(target[1] ?? target[2] ?? '');
    if (target === null || href === undefined) return false;
    this.#flush();
    const children = pairDelimiters(this.#pieces.splice(bracket.piece).slice(1));
    // an image of another host would tell it who reads: its description links to it instead
    this.#pieces.push({
      kind: 'link',
      href,
      children: children.length === 0 ? [{ kind: 'text', text: href }] : children,
    });
    this.#at += 1 + target[0].length;
    // no link within a link
    if (!bracket.image) this.#brackets.length = 0;
    return true;
  }

  #readAngle(): boolean {
    const rest = this.#text.slice(this.#at, this.#at + 2_000);
    const lineBreak = /^<br ?\/?>/i.exec(rest);
    if (lineBreak !== null) {
      this.#push({ kind: 'break' });
      this.#at += lineBreak[0].length;
      return true;
    }
    const address = /^<((?:https?:|mailto:)[^\s<>]+)>/i.exec(rest);
    const href = address === null ? undefined : safeAddress(address[1]!);
    if (address === null || href === undefined) return false;
    this.#push({ kind: 'link', href, children: [{ kind: 'text', text: address[1]! }] });
    this.#at += address[0].length;
    return true;
  }

  #readAddress(): boolean {
    if (this.#brackets.length > 0 || /\w/.test(this.#text[this.#at - 1] ?? ' ')) return false;
    if (!this.#text.startsWith('http', this.#at)) return false;
    const found = /^https?:\/\/[^\s<>"'`|\\]+/.exec(this.#text.slice(this.#at, this.#at + 2_000));
    if (found === null) return false;
    const text = withoutTrailingMarks(found[0]);
    const href = safeAddress(text);
    if (href === undefined) return false;
    this.#push({ kind: 'link', href, children: [{ kind: 'text', text }] });
    this.#at += text.length;
    return true;
  }
}

/** Addresses that a click may open; everything else, such as `javascript:`, stays text. */
function safeAddress(address: string): string | undefined {
  if (!/^(?:https?:|mailto:)/i.test(address) || !URL.canParse(address)) return undefined;
  return new URL(address).href;
}

/** The sentence's marks behind an address are not part of it, nor is a bracket that it does not open. */
function withoutTrailingMarks(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1]!;
    const unopened = last === ')' && !address.slice(0, end).includes('(');
    if (!unopened && !'.,;:!?*_~]'.includes(last)) break;
    end--;
  }
  return address.slice(0, end);
}

function runLength(text: string, from: number): number {
  let end = from;
  while (text[end] === text[from]) end++;
  return end - from;
}

function isSpace(character: string): boolean {
  return /\s/.test(character);
}

function isPunctuation(character: string): boolean {
  return /[\p{P}\p{S}]/u.test(character);
}
