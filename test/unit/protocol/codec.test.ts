import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codecFor, jsonCodec, msgpackCodec } from '../../../protocol/codec.ts';
import { wireLimits } from '../../../protocol/limits.ts';
import { ProtocolError } from '../../../protocol/protocol-error.ts';
import { scanMsgpack } from '../../../protocol/scan-msgpack.ts';

const numRuns = process.env.PARLEY_LONG ? 200_000 : 2_000;
const text = fc.string({ unit: 'grapheme' });
const scalar = fc.oneof(
  text,
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 8 },
    scalar,
    fc.array(tie('value')),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('value'),
    ),
  ),
})).value;
const frame = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  plain,
  { noNullPrototype: true },
);

describe.each(['msgpack', 'json'] as const)('the %s codec', (encoding) => {
  const codec = codecFor(encoding);

  test('gives back any plain frame as it was', () => {
    fc.assert(
      fc.property(frame, (value) => {
        expect(codec.decode(codec.encode(value))).toEqual([normal(value)]);
      }),
      { numRuns },
    );
  });

  test('gives back any array of frames', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
        expect(codec.decode(codec.encode(frames))).toEqual(frames.map(normal));
      }),
      { numRuns: numRuns / 10 },
    );
  });

  test('leaves out keys that are undefined', () => {
    expect(codec.decode(codec.encode({ t: 'a', gone: undefined, kept: 0 }))).toEqual([{ t: 'a', kept: 0 }]);
  });

  test('refuses more than its share of depth, items and frames', () => {
    let deep: unknown = 1;
    for (let i = 0; i < wireLimits.maxDepth; i++) deep = [deep];
    expect(codec.decode(codec.encode({ a: (deep as unknown[])[0] }))).toHaveLength(1);
    expect(() => codec.decode(codec.encode({ a: deep }))).toThrow(ProtocolError);
    expect(() => codec.decode(codec.encode({ a: Array.from({ length: wireLimits.maxItems }, () => 0) }))).toThrow(
      /items/,
    );
    expect(() => codec.decode(codec.encode(Array.from({ length: 257 }, () => ({}))))).toThrow(/frames/);
  });

  test('answers arbitrary bytes with frames or with malformed_message, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(Array.isArray(codec.decode(bytes))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed_message' });
        }
      }),
      { numRuns: numRuns * 5 },
    );
  });
});

describe('the byte scan', () => {
  test('accepts what the codec writes and refuses every proper prefix of it', () => {
    fc.assert(
      fc.property(frame, (value) => {
        const bytes = Buffer.from(msgpackCodec.encode(value));
        scanMsgpack(bytes);
        for (let length = 0; length < Math.min(bytes.length, 100); length++) {
          expect(() => scanMsgpack(bytes.subarray(0, length))).toThrow(ProtocolError);
        }
        expect(() => scanMsgpack(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(/follow/);
      }),
      { numRuns: numRuns / 10 },
    );
  });

  test.each(['c1', 'c7', 'c8', 'c9', 'd4', 'd5', 'd6', 'd7', 'd8'])(
    'refuses type byte %s wherever a value can stand',
    (byte) => {
      for (const prefix of ['', '91', '81a161', '92c0', '82a161c0a162']) {
        const bytes = Buffer.from(`${prefix}${byte}${'00'.repeat(24)}`, 'hex');
        expect(() => scanMsgpack(bytes)).toThrow(/extension/);
      }
    },
  );

  test('refuses declared lengths beyond the message without reading on', () => {
    for (const hex of [
      'ddffffffff',
      'dfffffffff',
      'dbffffffff61',

      'dcffff',
      'deffff',
      'd9ff61',
      'a261',
      'c4ff61',
      'c5ffff',
      'c6ffffffff61',
    ]) {
      expect(() => scanMsgpack(Buffer.from(hex, 'hex'))).toThrow(/cut short/);
    }
  });

  test('a __proto__ key does not reach any prototype', () => {
    for (const message of [
      Buffer.from('81a95f5f70726f746f5f5f81a161 01'.replace(' ', ''), 'hex'),
      '{"__proto__":{"a":1}}',
    ]) {
      const codec = typeof message === 'string' ? jsonCodec : msgpackCodec;
      const [value] = codec.decode(message) as [object];
      expect((value as { a?: number }).a).toBeUndefined();
      expect(({} as { a?: number }).a).toBeUndefined();
    }
  });
});

describe('binary values', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

  test('are read as base64 text, at any depth and of any width', () => {
    const long = new Uint8Array(70_000).fill(7);
    for (const data of [new Uint8Array(0), new Uint8Array([0xff]), new Uint8Array(300).fill(1), long]) {
      const text = Buffer.from(data).toString('base64');
      expect(msgpackCodec.decode(msgpackCodec.encode({ data }))).toEqual([{ data: text }]);
      expect(msgpackCodec.decode(msgpackCodec.encode([{ a: [{ data }, data] }]))).toEqual([
        { a: [{ data: text }, text] },
      ]);
    }
    expect(msgpackCodec.decode(Buffer.from('c40161', 'hex'))).toEqual(['YQ==']);
  });

  test('go over JSON as base64 text where a turn has them, Buffers too, and the frame stays as it was', () => {
    fc.assert(
      fc.property(bytes, fc.boolean(), (data, isBuffer) => {
        const given = isBuffer ? Buffer.from(data) : data;
        const frame = {
          t: 'turn',
          input: [
            { type: 'text', text: 'x' },
            { type: 'image', data: given },
          ],
        };
        const read = {
          t: 'turn',
          input: [
            { type: 'text', text: 'x' },
            { type: 'image', data: toBase64(data) },
          ],
        };
        expect(jsonCodec.decode(jsonCodec.encode(frame))).toEqual([read]);
        expect(jsonCodec.decode(jsonCodec.encode([{ t: 'ping' }, frame]))).toEqual([{ t: 'ping' }, read]);
        expect(msgpackCodec.decode(msgpackCodec.encode(frame))).toEqual([read]);
        expect((frame.input[1] as { data: unknown }).data).toBe(given);
      }),
      { numRuns: numRuns / 10 },
    );
  });

  test('a frame with some of its bytes changed is read or refused, nothing else', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(frame, bytes, fc.array(change, { minLength: 1, maxLength: 4 }), (value, data, changes) => {
        const message = Buffer.from(msgpackCodec.encode({ ...value, data, more: [data] }));
        for (const [at, byte] of changes) message[at % message.length] = byte;
        try {
          expect(JSON.stringify(msgpackCodec.decode(message))).not.toContain('"type":"Buffer"');
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed_message' });
        }
      }),
      { numRuns },
    );
  });
});

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** −0 has no form of its own in JSON. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
