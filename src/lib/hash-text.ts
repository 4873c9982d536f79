/** 32 bits: FNV-1a over UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/), scrambled. For choices, never for secrets. */
export function hashText(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return scramble(value);
}

/** The finalizer of MurmurHash3, so that near inputs give far outputs. */
export function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
