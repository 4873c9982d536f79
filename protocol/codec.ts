import { Packr } from 'msgpackr/index-no-eval';
import { turnsAsText } from './binary-text.ts';
import { type Codec, createMsgpackCodec, framesOf } from './msgpack-codec.ts';
import { ProtocolError } from './protocol-error.ts';
import { scanJson } from './scan-json.ts';
import type { Encoding } from './version.ts';

export type { Codec } from './msgpack-codec.ts';

// `undefined` has no plain msgpack form: such keys are left out, as JSON does
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  mapsAsObjects: true,
  int64AsType: 'number',
  skipValues: [undefined],
} as ConstructorParameters<typeof Packr>[0]);

/** Binary messages, plain msgpack, `bin` read as base64 text. The bytes answered are a copy that the caller owns. */
export const msgpackCodec: Codec = createMsgpackCodec({
  pack: (message) => packr.pack(message),
  unpack: (bytes) => packr.unpack(bytes),
});

/** Text messages, JSON. */
export const jsonCodec: Codec = {
  encoding: 'json',
  encode: (message) => JSON.stringify(turnsAsText(message)),
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
