/** Binary values of decoded data as base64 text, which is what all of Parley reads; in place where it can be. */
export function binaryAsText(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64Of(value);
  if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) record[key] = binaryAsText(record[key]);
  }
  return value;
}

/** An input whose parts hold their `data` as bytes, with base64 text in place of them; a copy where that changes something. */
export function inputAsText(input: unknown): unknown {
  if (!Array.isArray(input)) return input;
  return input.map((part: unknown) => {
    const data = typeof part === 'object' && part !== null ? (part as { data?: unknown }).data : undefined;
    return data instanceof Uint8Array ? { ...(part as object), data: base64Of(data) } : part;
  });
}

/**
 * A message of which the turns' inputs have no bytes, which JSON cannot say. Only there do clients give any, and a look
 * at each frame's type is all that the server pays for it.
 */
export function turnsAsText(message: object): object {
  if (Array.isArray(message)) return message.some(isMediaTurn) ? message.map(turnAsText) : message;
  return turnAsText(message) as object;
}

function turnAsText(frame: unknown): unknown {
  return isMediaTurn(frame) ? { ...frame, input: inputAsText(frame.input) } : frame;
}

function isMediaTurn(frame: unknown): frame is { input: unknown[] } {
  const { t, input } = (frame ?? {}) as { t?: unknown; input?: unknown };
  return t === 'turn' && Array.isArray(input);
}

/** Base64 with padding (RFC 4648, section 4). */
export function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text);
}
