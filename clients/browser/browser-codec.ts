import { Unpackr } from 'msgpackr/unpack-no-eval';
import { type Codec, createMsgpackCodec } from '../../protocol/msgpack-codec.ts';
import { packPlain } from './pack-plain.ts';

const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
} as ConstructorParameters<typeof Unpackr>[0]);

/** The msgpack codec of pages: msgpackr reads, a writer of our own, which is far smaller than msgpackr's, writes. */
export const browserCodec: Codec = createMsgpackCodec({ pack: packPlain, unpack: (bytes) => unpackr.unpack(bytes) });
