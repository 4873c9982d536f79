import { Packr } from 'msgpackr/index-no-eval';
import { binaryAsText } from './binary-text.ts';
import { wireLimits } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';
import { scanJson } from './scan-json.ts';
import { scanMsgpack } from './scan-msgpack.ts';
import type { Encoding } from './version.ts';

/**
 * Turns frames into WebSocket messages and back. `encode` takes a frame or an array of frames; `decode` answers the
 * frames of a message as plain data, not yet validated, and throws `malformed_message`.
 */
export interface Codec {
  readonly encoding: Encoding;
  encode(message: object): Uint8Array | string;
  decode(message: Uint8Array | string): unknown[];
}

// `undefined` has no plain msgpack form: such keys are left out, as JSON does
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  mapsAsObjects: true,
  int64AsType: 'number',
  skipValues: [undefined],
} as ConstructorParameters<typeof Packr>[0]);

/** Binary messages, plain msgpack, `bin` read as base64 text. The bytes answered are a copy that the caller owns. */
export const msgpackCodec: Codec = {
  encoding: 'msgpack',
  encode: (message) => packr.pack(message),
  decode(message) {
    if (typeof message === 'string') {
      throw new ProtocolError('malformed_message', 'This connection speaks msgpack, not text.');
    }
    const hasBinary = scanMsgpack(message);
    let value: unknown;
    try {
      value = packr.unpack(message);
      if (hasBinary) value = binaryAsText(value);
    } catch (cause) {
      throw new ProtocolError('malformed_message', 'Invalid msgpack.', { cause });
    }
    return framesOf(value);
  },
};

/** Text messages, JSON. */
export const jsonCodec: Codec = {
  encoding: 'json',
  encode: (message) => JSON.stringify(message),
  decode(message) {
    const text = typeof message === 'string' ? message : decodeUtf8(message);
    scanJson(text);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new ProtocolError('malformed_message', 'The message is not valid JSON.', { cause });
    }
    return framesOf(value);
  },
};

export function codecFor(encoding: Encoding): Codec {
  return encoding === 'msgpack' ? msgpackCodec : jsonCodec;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ProtocolError('malformed_message', 'The message is not valid UTF-8.', { cause });
  }
}

function framesOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) return [value];
  if (value.length > wireLimits.maxFramesPerMessage) {
    throw new ProtocolError('malformed_message', `A message holds at most ${wireLimits.maxFramesPerMessage} frames.`);
  }
  return value;
}
