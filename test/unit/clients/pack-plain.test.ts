import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { browserCodec } from '../../../clients/browser/browser-codec.ts';
import { packPlain } from '../../../clients/browser/pack-plain.ts';
import { msgpackCodec } from '../../../protocol/codec.ts';

const numRuns = process.env.PARLEY_LONG ? 50_000 : 400;

/** Numbers around every width. */
const edges = [0, 0x20, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000];
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc
    .tuple(fc.constantFrom(...edges, 0xffff_ffff, 0x1_0000_0000), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([edge, more, isNegative]) => (isNegative ? -(edge + more) : edge + more)),
);
/** Also half pairs, and lengths around every width of a header. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc
    .tuple(fc.constantFrom(31, 32, 255, 256, 65_535, 65_536), fc.constantFrom('a', 'é', '漢', '👋', '\ud83d'))
    .map(([length, unit]) => unit.repeat(length)),
);
const key = fc.string({ unit: 'grapheme' }).filter((name) => !name.includes('__proto__'));
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    number,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(key, fc.oneof(tie('value'), fc.constant(undefined)), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;
const frame = fc.dictionary(key, plain, { maxKeys: 20, noNullPrototype: true });

describe('the page’s own msgpack', () => {
  test('what it writes, the server reads as what msgpackr would have written', () => {
    fc.assert(
      fc.property(frame, (value) => {
        const read = msgpackCodec.decode(packPlain(value));
        expect(read).toEqual([expected(value)]);
        const wellFormed = expected(value) as object;
        expect(read).toEqual(msgpackCodec.decode(msgpackCodec.encode(wellFormed)));
      }),
      { numRuns },
    );
  });

  test('what the server writes, it reads as the server’s codec does', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
        const message = msgpackCodec.encode(frames);
        expect(browserCodec.decode(message)).toEqual(msgpackCodec.decode(message));
        expect(browserCodec.decode(browserCodec.encode(frames))).toEqual(frames.map(expected));
      }),
      { numRuns: numRuns / 2 },
    );
  });

  test('is as short as msgpackr’s for numbers, text and what holds them', () => {
    for (const edge of [...edges, 0xffff_ffff, 0x1_0000_0000, 0.5]) {
      for (const value of [edge, -edge, edge - 1, -edge - 1, edge + 1])
        expect(packPlain({ value })).toHaveLength(msgpackCodec.encode({ value }).length);
    }
    for (const length of [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
      for (const value of ['a'.repeat(length), Array.from({ length }, () => 0), new Uint8Array(length)])
        expect(packPlain({ value })).toHaveLength(msgpackCodec.encode({ value }).length);
      const map = Object.fromEntries(Array.from({ length: Math.min(length, 300) }, (_, i) => [`k${i}`, i]));
      expect(packPlain(map)).toHaveLength(msgpackCodec.encode(map).length);
    }
  });

  test('what is not plain data is refused', () => {
    for (const value of [1n, () => {}, Symbol('x'), new Date(0), new Map(), new Set(), new ArrayBuffer(2)])
      expect(() => packPlain({ value })).toThrow(TypeError);
    expect(packPlain(Object.assign([], { 0: undefined, 2: 1 }))).toEqual(Uint8Array.from([0x93, 0xc0, 0xc0, 0x01]));
  });
});

/** As it is read: no undefined keys, no half pairs, bytes as base64, −0 as 0. */
function expected(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => (item === undefined ? [] : [[name, expected(item)]])),
  );
}
