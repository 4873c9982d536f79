const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const SEXTET_OF = new Uint8Array(128);
for (let value = 0; value < 64; value += 1) SEXTET_OF[ALPHABET.charCodeAt(value)] = value;

const SPACE = 0x20;
const EQUALS = 0x3d;

/** The tokens of a vocabulary in the order of their ranks, end to end, with the length in bytes of each. */
export interface RankedTokens {
  readonly tokenBytes: Uint8Array;
  readonly byteLengthOf: Uint8Array;
}

/**
 * Reads the `bpe_ranks` text of tiktoken's encoder files: lines of "! <first rank> <base64> <base64> …".
 * Gaps between the lines (ranks kept for special tokens) are closed, as only the order of ranks decides merges.
 * Decoded by hand: a Buffer per token would take most of the loading time.
 */
export function parseRankFile(bpeRanks: string): RankedTokens {
  const tokenBytes = new Uint8Array(bpeRanks.length);
  const byteLengths: number[] = [];
  let used = 0;
  for (const line of bpeRanks.split('\n')) {
    const listStart = line.indexOf(' ', 2) + 1;
    if (!line.startsWith('! ') || listStart === 0) throw new TypeError('rank file: a line without "! <rank> "');
    let tokenStart = used;
    let bits = 0;
    let bitCount = 0;
    for (let at = listStart; at <= line.length; at += 1) {
      const code = at < line.length ? line.charCodeAt(at) : SPACE;
      if (code === SPACE) {
        byteLengths.push(used - tokenStart);
        tokenStart = used;
        bits = 0;
        bitCount = 0;
      } else if (code !== EQUALS) {
        bits = ((bits << 6) | (SEXTET_OF[code] as number)) & 0xffff;
        bitCount += 6;
        if (bitCount >= 8) {
          bitCount -= 8;
          tokenBytes[used] = bits >> bitCount;
          used += 1;
        }
      }
    }
  }
  return { tokenBytes: tokenBytes.subarray(0, used), byteLengthOf: Uint8Array.from(byteLengths) };
}
