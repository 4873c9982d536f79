export interface MediaSample {
  type: 'image' | 'audio' | 'file';
  mediaType: string;
  /** The beginning of such a file; of the PNG all of it, one pixel. */
  bytes: Buffer;
}

const box = (brand: string): Buffer => Buffer.from(`\0\0\0\x20ftyp${brand}\0\0\0\0`, 'latin1');
const riff = (form: string): Buffer => Buffer.from(`RIFF\x24\0\0\0${form}fmt `, 'latin1');

/** One of every type that is taken. */
export const mediaSamples: MediaSample[] = [
  {
    type: 'image',
    mediaType: 'image/png',
    bytes: Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=',
      'base64',
    ),
  },
  { type: 'image', mediaType: 'image/jpeg', bytes: Buffer.from('ffd8ffe000104a46494600010100', 'hex') },
  { type: 'image', mediaType: 'image/gif', bytes: Buffer.from('GIF89a\x01\0\x01\0\0\0\0,', 'latin1') },
  { type: 'image', mediaType: 'image/webp', bytes: riff('WEBP') },
  { type: 'audio', mediaType: 'audio/wav', bytes: riff('WAVE') },
  { type: 'audio', mediaType: 'audio/mpeg', bytes: Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1') },
  { type: 'audio', mediaType: 'audio/ogg', bytes: Buffer.from('OggS\0\x02\0\0\0\0', 'latin1') },
  { type: 'audio', mediaType: 'audio/flac', bytes: Buffer.from('fLaC\0\0\0\x22', 'latin1') },
  { type: 'audio', mediaType: 'audio/mp4', bytes: box('M4A ') },
  { type: 'audio', mediaType: 'audio/webm', bytes: Buffer.from('1a45dfa39f428681', 'hex') },
  { type: 'file', mediaType: 'application/pdf', bytes: Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3', 'latin1') },
];
