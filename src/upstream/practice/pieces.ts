/** Letters in one token-like piece; longer words are cut. */
const piecePattern = /\s*\S{1,12}/gu;

/** Splits text into pieces of about one token: a word, or a part of one, with the space before it. Joined, they are the text. */
export function splitPieces(text: string): string[] {
  const pieces: string[] = text.match(piecePattern) ?? [];
  const end = pieces.reduce((length, piece) => length + piece.length, 0);
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

/** The default count: one token per piece. */
export function countPieces(text: string): number {
  return splitPieces(text).length;
}

/** What comes before the first stop sequence; whether there was one. */
export function cutAtStop(text: string, stop: readonly string[]): { text: string; stopped: boolean } {
  let end = text.length;
  for (const sequence of stop) {
    const at = sequence === '' ? -1 : text.indexOf(sequence);
    if (at !== -1 && at < end) end = at;
  }
  return { text: text.slice(0, end), stopped: end < text.length };
}
