import type { InputPart } from '../../../protocol/frames/common.ts';
import { describe, expect, test } from 'vitest';
import type { TurnInput } from '../../../protocol/frames/common.ts';
import { checkInput } from '../../../src/turn/check-input.ts';
import { mediaSamples } from '../../support/media-samples.ts';

const limits = { maxInputBytes: 100, maxMediaBytes: 200 };
const check = (input: TurnInput) => () => checkInput(input, limits);
const part = (type: 'image' | 'audio' | 'file', mediaType: string, data: Buffer | string): InputPart =>
  ({
    type,
    mediaType,
    data: typeof data === 'string' ? data : data.toString('base64'),
  }) as InputPart;

describe('an input with media', () => {
  test.each(mediaSamples)('$mediaType is taken without any text', ({ type, mediaType, bytes }) => {
    expect(check([part(type, mediaType, bytes)])).not.toThrow();
  });

  test.each(mediaSamples)('bytes of another type are not taken as $mediaType', ({ type, mediaType, bytes }) => {
    for (const other of mediaSamples) {
      const isSame = bytes.equals(other.bytes);
      if (isSame) continue;
      expect(check([part(type, mediaType, other.bytes)])).toThrow(/are not of type/);
    }
    expect(check([part(type, mediaType, Buffer.alloc(40))])).toThrow(/are not of type/);
    expect(check([part(type, mediaType, bytes.subarray(0, 1))])).toThrow(/are not of type/);
  });

  test('other types are refused with the names of those that are taken', () => {
    for (const [type, mediaType] of [
      ['image', 'image/svg+xml'],
      ['image', 'application/pdf'],
      ['file', 'image/png'],
      ['file', 'text/html'],
      ['audio', 'constructor/x'],
    ] as const) {
      expect(check([part(type, mediaType, 'AAAA')])).toThrow(
        expect.objectContaining({ code: 'input_unsupported', message: expect.stringContaining(mediaType) }),
      );
    }
    expect(check([part('image', 'image/bmp', 'AAAA')])).toThrow(/image\/png, image\/jpeg, image\/gif, image\/webp/);
  });

  test('base64 that is cut short is refused', () => {
    for (const data of ['iVBORw0KG', 'iVBORw0KGg=', 'iVBORw0KGg===']) {
      expect(check([part('image', 'image/png', data)])).toThrow(
        expect.objectContaining({ code: 'invalid_frame', message: expect.stringContaining('whole base64') }),
      );
    }
  });

  test('media count by their decoded bytes, all together, and text by its own', () => {
    const png = mediaSamples[0]!;
    const filled = (bytes: number) => part('image', png.mediaType, Buffer.concat([png.bytes], bytes));
    expect(check([filled(100), filled(100), { type: 'text', text: 'x'.repeat(100) }])).not.toThrow();
    expect(check([filled(100), filled(101)])).toThrow(expect.objectContaining({ code: 'input_too_large' }));
    expect(check([filled(50), { type: 'text', text: 'é'.repeat(51) }])).toThrow(
      expect.objectContaining({ code: 'input_too_large' }),
    );
  });

  test('an address needs no text beside it; nothing at all is empty', () => {
    expect(check([{ type: 'image', url: 'https://example.com/a.png' }])).not.toThrow();
    for (const input of ['', ' \n', [{ type: 'text' as const, text: ' ' }]]) expect(check(input)).toThrow(/empty/);
  });
});
