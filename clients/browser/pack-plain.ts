/**
 * Plain data as msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md), as the server's packer writes it, in a
 * tenth of its size: this is all that a page sends. Keys that are `undefined` are left out, whole numbers beyond 32 bits
 * go as float 64. Throws `TypeError` for what is not plain data.
 */
export function packPlain(message: unknown): Uint8Array {
  let bytes = new Uint8Array(512);
  let view = new DataView(bytes.buffer);
  let end = 0;

  const room = (count: number): number => {
    const at = end;
    end += count;
    if (end > bytes.length) {
      const grown = new Uint8Array(end * 2);
      grown.set(bytes);
      bytes = grown;
      view = new DataView(bytes.buffer);
    }
    return at;
  };

  const byte = (value: number): void => {
    const at = room(1);
    bytes[at] = value;
  };

  const copy = (values: Uint8Array): void => {
    const at = room(values.length);
    bytes.set(values, at);
  };

  /** A number under the type byte for its width; a negative one as two's complement. */
  const sized = (value: number, width: 8 | 16 | 32, type: number): void => {
    byte(type);
    const at = room(width / 8);
    if (width === 8) view.setUint8(at, value);
    else if (width === 16) view.setUint16(at, value);
    else view.setUint32(at, value);
  };

  /** A length, or a number from 0 on, in the shortest form; `type8` 0 where the family has none of that width. */
  const count = (value: number, fixed: number, below: number, type8: number, type16: number): void => {
    if (value < below) byte(fixed + value);
    else if (value < 0x100 && type8 > 0) sized(value, 8, type8);
    else if (value < 0x1_0000) sized(value, 16, type16);
    else sized(value, 32, type16 + 1);
  };

  const number = (value: number): void => {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return count(value, 0, 0x80, 0xcc, 0xcd);
    if (Number.isInteger(value) && value < 0 && value >= -0x8000_0000) {
      if (value >= -0x20) return byte(value);
      if (value >= -0x80) return sized(value, 8, 0xd0);
      return value >= -0x8000 ? sized(value, 16, 0xd1) : sized(value, 32, 0xd2);
    }
    byte(0xcb);
    const at = room(8);
    view.setFloat64(at, value);
  };

  const text = (value: string): void => {
    const encoded = utf8.encode(value);
    count(encoded.length, 0xa0, 0x20, 0xd9, 0xda);
    copy(encoded);
  };

  const object = (value: object): void => {
    if (value instanceof Uint8Array) {
      count(value.length, 0, 0, 0xc4, 0xc5);
      return copy(value);
    }
    if (Array.isArray(value)) {
      count(value.length, 0x90, 0x10, 0, 0xdc);
      for (const item of value) any(item);
      return;
    }
    if (Object.prototype.toString.call(value) !== '[object Object]') throw notPlain();
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    count(entries.length, 0x80, 0x10, 0, 0xde);
    for (const [key, item] of entries) {
      text(key);
      any(item);
    }
  };

  const any = (value: unknown): void => {
    if (value === null || value === undefined) byte(0xc0);
    else if (typeof value === 'boolean') byte(value ? 0xc3 : 0xc2);
    else if (typeof value === 'number') number(value);
    else if (typeof value === 'string') text(value);
    else if (typeof value === 'object') object(value);
    else throw notPlain();
  };

  any(message);
  return bytes.slice(0, end);
}

const utf8 = new TextEncoder();

function notPlain(): TypeError {
  return new TypeError('Only plain data can be sent.');
}
