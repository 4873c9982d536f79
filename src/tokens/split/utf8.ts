/** What a lone surrogate becomes wherever a JavaScript string turns into UTF-8. */
export const REPLACEMENT = 0xfffd;

/** Length in bytes of a code point in UTF-8. */
export function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** Hands over the UTF-8 bytes of a code point one by one; a call per byte is cheaper than a buffer per character. */
export function pushUtf8(sink: { push(byte: number): void }, codePoint: number): void {
  if (codePoint < 0x80) {
    sink.push(codePoint);
    return;
  }
  if (codePoint < 0x800) {
    sink.push(0xc0 | (codePoint >> 6));
  } else {
    if (codePoint < 0x10000) {
      sink.push(0xe0 | (codePoint >> 12));
    } else {
      sink.push(0xf0 | (codePoint >> 18));
      sink.push(0x80 | ((codePoint >> 12) & 0x3f));
    }
    sink.push(0x80 | ((codePoint >> 6) & 0x3f));
  }
  sink.push(0x80 | (codePoint & 0x3f));
}
