import { wireLimits } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';

/** Values still expected at each depth, keys of maps counted as values; of the one scan that can be under way. */
const remaining = new Int32Array(wireLimits.maxDepth + 1);
const inMap = new Uint8Array(wireLimits.maxDepth + 1);

/**
 * Walks the headers of a msgpack message (https://github.com/msgpack/msgpack/blob/master/spec.md) and throws
 * `malformed_message` unless it is exactly one value of plain data: no extension types, no reserved byte, no depth over
 * 16, no more than 65,536 items, no length that reaches past the end, string keys only. Nothing is built, so a hostile
 * header costs nothing. Answers whether there are binary values.
 */
export function scanMsgpack(bytes: Uint8Array): boolean {
  const end = bytes.length;
  let offset = 0;
  let items = 0;
  let depth = 0;
  let hasBinary = false;
  remaining[0] = 1;

  while (true) {
    while (remaining[depth] === 0) {
      if (depth === 0) {
        if (offset !== end) throw malformed('bytes follow the message');
        return hasBinary;
      }
      depth--;
    }
    if (offset >= end) throw malformed('it is cut short');
    if (++items > wireLimits.maxItems) throw malformed(`it has more than ${wireLimits.maxItems} items`);
    const isKey = inMap[depth] === 1 && (remaining[depth]! & 1) === 0;
    remaining[depth]!--;
    const head = bytes[offset++]!;
    let children = -1;
    let isMap = false;
    if (head >= 0xa0 && head <= 0xbf) {
      offset += head & 0x1f;
    } else if (isKey && (head < 0xd9 || head > 0xdb)) {
      throw malformed('map key not a string');
    } else if (head <= 0x7f || head >= 0xe0) {
      // fixint: the header is the value
    } else if (head <= 0x8f) {
      children = head & 0x0f;
      isMap = true;
    } else if (head <= 0x9f) {
      children = head & 0x0f;
    } else {
      hasBinary ||= head >= 0xc4 && head <= 0xc6;
      switch (head) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          break;
        case 0xc4:
        case 0xd9:
          offset += 1 + readLength(bytes, offset, 1);
          break;
        case 0xc5:
        case 0xda:
          offset += 2 + readLength(bytes, offset, 2);
          break;
        case 0xc6:
        case 0xdb:
          offset += 4 + readLength(bytes, offset, 4);
          break;
        case 0xcc:
        case 0xd0:
          offset += 1;
          break;
        case 0xcd:
        case 0xd1:
          offset += 2;
          break;
        case 0xca:
        case 0xce:
        case 0xd2:
          offset += 4;
          break;
        case 0xcb:
        case 0xcf:
        case 0xd3:
          offset += 8;
          break;
        case 0xdc:
          children = readLength(bytes, offset, 2);
          offset += 2;
          break;
        case 0xdd:
          children = readLength(bytes, offset, 4);
          offset += 4;
          break;
        case 0xde:
          children = readLength(bytes, offset, 2);
          isMap = true;
          offset += 2;
          break;
        case 0xdf:
          children = readLength(bytes, offset, 4);
          isMap = true;
          offset += 4;
          break;
        default:
          throw malformed('extension type or reserved byte');
      }
    }
    if (offset > end) throw malformed('it is cut short');
    if (children >= 0) {
      // every child takes at least one byte, so a count past the end is refused here
      const values = isMap ? children * 2 : children;
      if (values > end - offset) throw malformed('it is cut short');
      if (++depth > wireLimits.maxDepth) throw malformed(`it is nested deeper than ${wireLimits.maxDepth}`);
      remaining[depth] = values;
      inMap[depth] = isMap ? 1 : 0;
    }
  }
}

function readLength(bytes: Uint8Array, offset: number, width: 1 | 2 | 4): number {
  if (offset + width > bytes.length) throw malformed('it is cut short');
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + bytes[offset + i]!;
  return value;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('malformed_message', `Malformed message: ${what}.`);
}
