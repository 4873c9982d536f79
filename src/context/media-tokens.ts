import type { UpstreamPart } from '../upstream/contract.ts';

/** What providers make of a picture is not published for most models; Anthropic's pixels / 750 is near the others. */
const pixelsPerToken = 750;
/** They scale larger pictures down. */
const mostImageTokens = 1_600;
/** Of a picture whose size is not known. */
const someImageTokens = 1_000;
/** Gemini counts 32 tokens a second of sound, OpenAI 10; a second of speech is about 16 KB in the usual formats. */
const audioBytesPerToken = 500;
/** A page of a PDF is about 1,500 tokens of text and about 50 KB. */
const fileBytesPerToken = 33;

/** What the parts that are not text take of a window, estimated. */
export function mediaTokens(parts: readonly UpstreamPart[]): number {
  return parts.reduce((sum, part) => sum + partTokens(part), 0);
}

function partTokens(part: UpstreamPart): number {
  switch (part.type) {
    case 'text':
      return 0;
    case 'image': {
      const size = 'data' in part ? imageSize(Buffer.from(part.data.slice(0, headerCharacters), 'base64')) : undefined;
      if (size === undefined) return someImageTokens;
      return Math.min(mostImageTokens, Math.max(1, Math.ceil((size.width * size.height) / pixelsPerToken)));
    }
    case 'audio':
      return Math.ceil((part.data.length * 0.75) / audioBytesPerToken);
    case 'file':
      return Math.ceil((part.data.length * 0.75) / fileBytesPerToken);
  }
}

/** Base64 characters of the beginning of a file that are looked at; a multiple of 4. */
const headerCharacters = 64 * 1024;

/** Width and height in pixels of a PNG, GIF, JPEG or WebP from its first bytes. */
export function imageSize(bytes: Buffer): { width: number; height: number } | undefined {
  if (bytes.length < 30) return undefined;
  if (bytes.readUInt32BE(0) === 0x89504e47) return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  const magic = bytes.toString('latin1', 0, 4);
  if (magic === 'GIF8') return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  if (magic === 'RIFF') return webpSize(bytes);
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? jpegSize(bytes) : undefined;
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function webpSize(bytes: Buffer): { width: number; height: number } | undefined {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}

/** Walks the segments up to the frame header (ITU-T T.81, B.2.2). */
function jpegSize(bytes: Buffer): { width: number; height: number } | undefined {
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
