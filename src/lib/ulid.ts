const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export type RandomBytes = (length: number) => Uint8Array;

export const cryptoRandomBytes: RandomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

/**
 * Makes ULIDs (https://github.com/ulid/spec): 48 bits of milliseconds and 80 random bits in Crockford base 32, 26
 * characters. Within one millisecond the random part is incremented, so ids of one maker sort in the order made.
 */
export function createUlidMaker(wall: () => number, random: RandomBytes = cryptoRandomBytes): () => string {
  let lastMs = -1;
  const digits = new Uint8Array(16);
  const codes = new Uint8Array(26);
  return () => {
    const nowMs = wall();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      const bytes = random(16);
      for (let i = 0; i < 16; i++) digits[i] = bytes[i]! & 31;
    } else {
      incrementBase32(digits);
    }
    for (let i = 9, rest = lastMs; i >= 0; i--, rest = Math.floor(rest / 32)) codes[i] = codeOf(rest % 32);
    for (let i = 0; i < 16; i++) codes[10 + i] = codeOf(digits[i]!);
    // in one go: a text that was put together piece by piece keeps its pieces
    return String.fromCharCode(...codes);
  };
}

function codeOf(digit: number): number {
  return alphabet.charCodeAt(digit);
}

function incrementBase32(digits: Uint8Array): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    if (digits[i]! < 31) {
      digits[i]!++;
      return;
    }
    digits[i] = 0;
  }
}
