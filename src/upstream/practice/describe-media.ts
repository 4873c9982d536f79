import type { UpstreamPart } from '../contract.ts';

const kinds = { image: 'a picture', audio: 'a recording', file: 'a file' } as const;

/** What a message holds beside its text, in words such as “a picture (image/png, 12 KB) and a file (…)”; empty for nothing. */
export function describeMedia(content: string | readonly UpstreamPart[]): string {
  const parts = typeof content === 'string' ? [] : content;
  const words = parts.flatMap((part) => {
    if (part.type === 'text') return [];
    if ('url' in part) return [`${kinds.image} by its address`];
    return [`${kinds[part.type]} (${part.mediaType}, ${sizeWords(Buffer.byteLength(part.data, 'base64'))})`];
  });
  const last = words.pop();
  if (last === undefined) return '';
  return words.length === 0 ? last : `${words.join(', ')} and ${last}`;
}

function sizeWords(bytes: number): string {
  return bytes < 1_000 ? `${bytes} bytes` : `${Math.round(bytes / 1_000)} KB`;
}
