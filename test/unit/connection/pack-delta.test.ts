import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { msgpackCodec } from '../../../protocol/codec.ts';
import { packDelta } from '../../../src/connection/pack-delta.ts';

const edges = [0, 1, 0x1f, 0x20, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff];
const uint = fc.oneof(fc.constantFrom(...edges), fc.nat(0xffff_ffff));
const ascii = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 64 });
const delta = fc.record({ t: fc.constant('delta' as const), pos: uint, turn: ascii, text: ascii, tokens: uint });

describe('a delta packed by hand', () => {
  it('has the bytes that msgpackr gives', () => {
    fc.assert(
      fc.property(uint, delta, (s, event) => {
        const { t, pos, turn, text, tokens } = event;
        const usual = msgpackCodec.encode({ t, s, pos, turn, text, tokens }) as Uint8Array;
        expect(Buffer.from(packDelta(s, event)!).toString('hex')).toBe(Buffer.from(usual).toString('hex'));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is left to msgpackr where it is anything else', () => {
    const usual = { t: 'delta', pos: 1, turn: 'one', text: ' word', tokens: 2 } as const;
    expect(packDelta(0, usual)).toBeDefined();
    for (const other of [
      { text: 'é' },
      { text: '\u{1f600}' },
      { turn: 'é' },
      { text: 'a'.repeat(65) },
      { kind: 'reasoning' },
      { pos: 2 ** 32 },
      { tokens: 2 ** 32 },
    ] as const)
      expect(packDelta(0, { ...usual, ...other })).toBeUndefined();
  });
});
