import type { InputPart, TurnInput } from '../../protocol/frames/common.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { inputText } from '../context/turn-messages.ts';
import type { TurnLimits } from './contract.ts';

type MediaPart = Extract<InputPart, { data: string }>;

/** Whether bytes begin as a file of that type does. */
type Signature = (head: Buffer) => boolean;

const startsWith =
  (text: string, at = 0): Signature =>
  (head) =>
    head.toString('latin1', at, at + text.length) === text;
const riff = (form: string): Signature => both(startsWith('RIFF'), startsWith(form, 8));
/** A frame header of MPEG audio: eleven bits set, and no reserved layer; or the tag that goes before it. */
const mp3: Signature = (head) =>
  startsWith('ID3')(head) || (head[0] === 0xff && (head[1]! & 0xe0) === 0xe0 && (head[1]! & 0x06) !== 0);
/** ISO/IEC 14496-12: the first box says which kind of file it is. */
const mp4 = startsWith('ftyp', 4);
const webm = startsWith('\x1a\x45\xdf\xa3');

/** The types that are taken, by kind, and how their files begin; the IANA names and those in use beside them. */
const signatures: Record<MediaPart['type'], Record<string, Signature>> = {
  image: {
    'image/png': startsWith('\x89PNG\r\n\x1a\n'),
    'image/jpeg': startsWith('\xff\xd8\xff'),
    'image/gif': (head) => startsWith('GIF87a')(head) || startsWith('GIF89a')(head),
    'image/webp': riff('WEBP'),
  },
  audio: {
    'audio/wav': riff('WAVE'),
    'audio/x-wav': riff('WAVE'),
    'audio/mpeg': mp3,
    'audio/mp3': mp3,
    'audio/ogg': startsWith('OggS'),
    'audio/flac': startsWith('fLaC'),
    'audio/mp4': mp4,
    'audio/x-m4a': mp4,
    'audio/m4a': mp4,
    'audio/webm': webm,
  },
  file: { 'application/pdf': startsWith('%PDF-') },
};

/** Characters of base64 that hold the longest of these signatures. */
const headCharacters = 32;

/**
 * Whether a turn's input can be taken at all, whatever model answers. Throws `ProtocolError`: invalid_frame where it is
 * empty or its bytes are not what they claim to be, input_unsupported, input_too_large.
 */
export function checkInput(input: TurnInput, limits: Pick<TurnLimits, 'maxInputBytes' | 'maxMediaBytes'>): void {
  const text = inputText(input);
  const others = typeof input === 'string' ? [] : input.filter((part) => part.type !== 'text');
  if (text.trim() === '' && others.length === 0) throw new ProtocolError('invalid_frame', 'turn: “input” is empty.');
  if (Buffer.byteLength(text) > limits.maxInputBytes) {
    throw new ProtocolError(
      'input_too_large',
      `The input is larger than ${limits.maxInputBytes} bytes; send a shorter one.`,
    );
  }
  const media = others.filter((part) => 'data' in part);
  const bytes = media.reduce((sum, part) => sum + decodedBytes(part), 0);
  if (bytes > limits.maxMediaBytes) {
    throw new ProtocolError(
      'input_too_large',
      `The images, audio and files of the input are larger than ${limits.maxMediaBytes} bytes; send smaller ones.`,
    );
  }
  for (const part of media) checkSignature(part);
}

/** Throws where the text is not whole base64: groups of four, padded. */
function decodedBytes({ type, data }: MediaPart): number {
  if (data.length % 4 !== 0)
    throw new ProtocolError('invalid_frame', `turn: “data” of the ${type} is not whole base64, with padding.`);
  return (data.length / 4) * 3 - (data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0);
}

function checkSignature({ type, mediaType, data }: MediaPart): void {
  const known = signatures[type];
  if (!Object.hasOwn(known, mediaType)) {
    throw new ProtocolError(
      'input_unsupported',
      `Type ${mediaType} is not taken as ${type}; taken are ${Object.keys(known).join(', ')}.`,
    );
  }
  if (!known[mediaType]!(Buffer.from(data.slice(0, headCharacters), 'base64')))
    throw new ProtocolError('invalid_frame', `turn: the bytes of the ${type} are not of type ${mediaType}.`);
}

function both(one: Signature, other: Signature): Signature {
  return (head) => one(head) && other(head);
}
