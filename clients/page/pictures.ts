import { base64Of } from '../../protocol/binary-text.ts';
import type { TurnInput } from '../../protocol/frames/common.ts';
import type { SendInput } from '../browser/index.ts';

/** A picture to be sent, in the form of a part of the input. */
export interface Picture {
  type: 'image';
  mediaType: string;
  data: Uint8Array;
  name: string;
}

/** How files of the types that every gateway takes begin, in Latin-1: what a file is called proves nothing. */
const beginnings: readonly [mediaType: string, pattern: RegExp][] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
];

export const pictureTypes: readonly string[] = beginnings.map(([mediaType]) => mediaType);

/** Longest name that the protocol takes, in UTF-16 units. */
const longestName = 256;

/** Undefined for a file that is not a picture of these types. */
export async function readPicture(file: File): Promise<Picture | undefined> {
  const data = new Uint8Array(await file.arrayBuffer());
  const head = String.fromCharCode(...data.subarray(0, 16));
  const mediaType = beginnings.find(([, pattern]) => pattern.test(head))?.[0];
  if (mediaType === undefined) return undefined;
  return { type: 'image', mediaType, data, name: file.name.slice(-longestName) || 'picture' };
}

/** The pictures of an input that was sent, to send them again. */
export function picturesOf(input: TurnInput): Picture[] {
  if (typeof input === 'string') return [];
  return input.flatMap((part) => {
    if (part.type !== 'image' || !('data' in part)) return [];
    const data = Uint8Array.from(atob(part.data), (character) => character.charCodeAt(0));
    return [{ type: part.type, mediaType: part.mediaType, data, name: part.name ?? 'picture' }];
  });
}

/** Text and pictures as one input; text alone stays what it is. */
export function inputOf(text: string, pictures: readonly Picture[]): SendInput {
  if (pictures.length === 0) return text;
  return [...pictures, ...(text.trim() === '' ? [] : [{ type: 'text' as const, text }])];
}

/** An image of bytes that are at hand; the page's policy lets it show no others. */
export function pictureElement(mediaType: string, data: Uint8Array | string, name: string): HTMLImageElement {
  const image = new Image();
  image.alt = name;
  image.title = name;
  image.decoding = 'async';
  image.src = `data:${mediaType};base64,${typeof data === 'string' ? data : base64Of(data)}`;
  return image;
}
