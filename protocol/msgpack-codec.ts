import { binaryAsText } from './binary-text.ts';
import { wireLimits } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';
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

/** What writes and reads msgpack; `unpack` gets bytes that were scanned. */
export interface Msgpack {
  pack(message: object): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
}

/** Binary messages, plain msgpack, `bin` read as base64 text. Apart from codec.ts, so that a page can bring a smaller `pack`. */
export function createMsgpackCodec({ pack, unpack }: Msgpack): Codec {
  return {
    encoding: 'msgpack',
    encode: pack,
    decode(message) {
      if (typeof message === 'string') {
        throw new ProtocolError('malformed_message', 'This connection speaks msgpack, not text.');
      }
      const hasBinary = scanMsgpack(message);
      let value: unknown;
      try {
        value = unpack(message);
        if (hasBinary) value = binaryAsText(value);
      } catch (cause) {
        throw new ProtocolError('malformed_message', 'Invalid msgpack.', { cause });
      }
      return framesOf(value);
    },
  };
}

/** A message's frames, of which there are not too many. */
export function framesOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) return [value];
  if (value.length > wireLimits.maxFramesPerMessage) {
    throw new ProtocolError('malformed_message', `A message holds at most ${wireLimits.maxFramesPerMessage} frames.`);
  }
  return value;
}
