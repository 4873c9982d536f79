/** Binary values of decoded data as base64 text, which is what all of Parley reads; in place where it can be. */
export function binaryAsText(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64Of(value);
  if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) record[key] = binaryAsText(record[key]);
  }
  return value;
}

/** Base64 with padding (RFC 4648, section 4). */
export function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text);
}
